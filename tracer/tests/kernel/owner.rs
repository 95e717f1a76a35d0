//! Whose a socket is when it changes hands, and what a process may call itself.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::fd::OwnedFd,
    process::{Child, Command},
};

use serde_json::{Value, json};

use crate::{isolated::isolated, support::Namespace};

/// A shell that holds the connection, and nobody else, until its end.
fn holder(connection: TcpStream, script: &str) -> Child {
    let child = Command::new("sh").args(["-c", script]).stdin(OwnedFd::from(connection)).spawn();
    child.expect("a shell")
}

fn owner(object: &Value) -> Value {
    json!([object["pid"], object["comm"], object["owner_source"]])
}

/// The client's connection is passed to a shell running `script`, which reads a line and the end; the owners of its first
/// transition and of the verdict, and the shell's pid.
fn pass_on(script: &str) -> (Value, Value, u32) {
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
    let (mut server, _) = listener.accept().expect("accepted");
    let mut shell = holder(client, script);
    server.write_all(b"now\n").expect("a line");
    assert_eq!(server.read(&mut [0]).expect("end of file"), 0);
    drop(server);
    let pid = shell.id();
    assert!(shell.wait().expect("a shell").success());
    trace.wait_for_objects("connection", 2);
    assert!(trace.stop().success());
    let of_client = |kind: &str| owner(trace.of_type(kind).find(|it| it["role"] == "client").expect(kind));
    (of_client("transition"), of_client("connection"), pid)
}

#[test]
fn a_socket_that_is_passed_on_is_its_last_holder_s() {
    isolated!();
    let (first, last, shell) = pass_on("read line");
    assert_eq!((&first[0], &first[2]), (&json!(std::process::id()), &json!("connect")));
    assert_eq!(last, json!([shell, "sh", "close"]));
}

#[test]
fn a_name_is_shown_as_it_is_and_breaks_nothing() {
    isolated!();
    let (_, last, shell) = pass_on(r#"printf 'ev\033[2J\n"\\il' > /proc/$$/comm; read line"#);
    assert_eq!(last, json!([shell, "ev\u{1b}[2J\n\"\\il", "close"]));
}
