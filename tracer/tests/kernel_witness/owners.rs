//! Ten thousand sockets of many processes: tracer and ss name the same owners and the same states.

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{Resource, Rlimit, getrlimit, setrlimit},
};
use serde_json::Value;

use crate::{isolated::isolated, support::Namespace};

/// Processes that listen; each has two that accept, as servers that fork beforehand do.
const SERVERS: usize = 5;
const WORKERS: usize = 2;
/// Processes that connect, and how often each.
const CLIENTS: usize = 5;
const CONNECTIONS: usize = 1_000;
/// Both ends of every connection.
const SOCKETS: usize = 2 * CLIENTS * CONNECTIONS;

/// A process of this program's: told by the environment what to be, it says when it is ready and ends with its input.
struct Helper {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Helper {
    fn start(part: &str, argument: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "owners::helper", "--ignored", "--nocapture", "--test-threads=1"])
            .envs([("TRACER_TEST_PART", part), ("TRACER_TEST_ARGUMENT", argument)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a process");
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        Self { stdin: child.stdin.take(), child, stdout }
    }

    /// Waits until it is ready; what it has to say.
    fn ready(&mut self) -> String {
        let lines = self.stdout.by_ref().lines().map(|line| line.expect("text"));
        let said = lines.filter_map(|line| Some(line.split_once("READY ")?.1.to_owned())).next();
        said.expect("it is ready")
    }

    fn end(&mut self) {
        self.stdin = None;
        assert!(self.child.wait().expect("a process").success());
    }
}

/// Not a test: what the processes do.
#[test]
#[ignore = "run by the others"]
fn helper() {
    let Ok(part) = std::env::var("TRACER_TEST_PART") else { return };
    let argument = std::env::var("TRACER_TEST_ARGUMENT").unwrap_or_default();
    let maximum = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).expect("descriptors");
    match part.as_str() {
        "server" => serve(),
        "worker" => accept(argument.parse().expect("a descriptor")),
        _ => connect(&argument),
    }
}

fn ready(said: &str) {
    println!("READY {said}");
    std::io::stdout().flush().expect("stdout");
}

fn wait_for_the_end() {
    std::io::stdin().lines().for_each(drop);
}

fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    fcntl_setfd(&listener, FdFlags::empty()).expect("inherited");
    let mut workers: Vec<_> =
        (0..WORKERS).map(|_| Helper::start("worker", &listener.as_raw_fd().to_string())).collect();
    workers.iter_mut().for_each(|worker| drop(worker.ready()));
    ready(&listener.local_addr().expect("address").port().to_string());
    wait_for_the_end();
    workers.iter_mut().for_each(Helper::end);
}

fn accept(descriptor: RawFd) {
    // SAFETY: the parent left it open for this.
    let listener = TcpListener::from(unsafe { OwnedFd::from_raw_fd(descriptor) });
    std::thread::spawn(move || listener.incoming().map(|stream| stream.expect("accepted")).collect::<Vec<_>>());
    ready("");
    wait_for_the_end();
    // Everything it holds is closed by its exit.
    std::process::exit(0);
}

fn connect(ports: &str) {
    let ports: Vec<u16> = ports.split(',').map(|port| port.parse().expect("a port")).collect();
    let connections: Vec<_> = (0..CONNECTIONS)
        .map(|n| {
            let connection = TcpStream::connect(("127.0.0.1", ports[n % ports.len()])).expect("connection");
            if n % 4 == 0 {
                connection.shutdown(Shutdown::Write).expect("shutdown");
            }
            connection
        })
        .collect();
    ready(&connections.len().to_string());
    wait_for_the_end();
}

/// What ss says of a socket.
#[derive(Debug)]
struct Listed {
    state: String,
    pid: Option<u64>,
}

/// All connections of this namespace by both their ends.
fn listed() -> HashMap<(String, String), Listed> {
    let ss = Command::new("ss").args(["-tanpH"]).output().expect("ss, of iproute2");
    let text = String::from_utf8(ss.stdout).expect("text");
    let rows = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[0] != "LISTEN")
        .map(|row| {
            let pid = row
                .get(5)
                .and_then(|users| users.split_once("pid="))
                .map(|(_, rest)| rest.split(',').next().and_then(|pid| pid.parse().ok()).expect("a pid"));
            ((row[3].to_owned(), row[4].to_owned()), Listed { state: row[0].to_owned(), pid })
        })
        .collect()
}

/// The same, when all of them have been accepted.
fn listed_with_owners() -> HashMap<(String, String), Listed> {
    loop {
        let listed = listed();
        assert_eq!(listed.len(), SOCKETS);
        if listed.values().all(|row| row.pid.is_some()) {
            return listed;
        }
    }
}

fn ends(object: &Value) -> (String, String) {
    let end = |which: &str| {
        let addr = object[format!("{which}_addr")].as_str().expect("an address");
        format!("{addr}:{}", object[format!("{which}_port")])
    };
    (end("local"), end("remote"))
}

/// The state as ss spells it.
fn as_ss(state: &str) -> String {
    match state {
        "ESTABLISHED" => "ESTAB".to_owned(),
        "FIN_WAIT1" => "FIN-WAIT-1".to_owned(),
        "FIN_WAIT2" => "FIN-WAIT-2".to_owned(),
        other => other.replace('_', "-"),
    }
}

/// Has the sockets made before or while tracer runs, compares it with ss while they are there, and again when they end.
fn compare(made_before: bool) {
    let namespace = Namespace::enter();
    let mut servers: Vec<_> = (0..SERVERS).map(|_| Helper::start("server", "")).collect();
    let ports: Vec<_> = servers.iter_mut().map(Helper::ready).collect();
    let make = || {
        let mut clients: Vec<_> = (0..CLIENTS).map(|_| Helper::start("client", &ports.join(","))).collect();
        clients.iter_mut().for_each(|client| drop(client.ready()));
        clients
    };
    let mut clients = made_before.then(make);
    if made_before {
        listed_with_owners();
    }
    let mut trace = namespace.trace(&["--duration", "120s"]);
    let mut clients = clients.take().unwrap_or_else(make);
    let shut = CLIENTS * CONNECTIONS / 4;
    // A shutdown is three more: FIN_WAIT1, CLOSE_WAIT, FIN_WAIT2.
    trace.wait_for(if made_before { 0 } else { 2 * SOCKETS + 3 * shut });
    let accepted = listed_with_owners();

    let mut latest: HashMap<(String, String), &Value> = HashMap::new();
    for transition in trace.transitions().filter(|it| it["local_port"].is_u64() && it["role"] != "listener") {
        latest.insert(ends(transition), transition);
    }
    assert_eq!(latest.len(), if made_before { 0 } else { SOCKETS });
    for (ends, transition) in &latest {
        let row = &accepted[ends];
        assert_eq!(as_ss(transition["new_state"].as_str().expect("a state")), row.state, "{transition:#}");
        if transition["role"] == "client" {
            assert_eq!(transition["pid"].as_u64(), row.pid, "{transition:#}");
        } else {
            assert!(transition["pid"].is_null(), "nothing has proven it yet: {transition:#}");
        }
    }

    clients.iter_mut().for_each(Helper::end);
    servers.iter_mut().for_each(Helper::end);
    // The last acknowledgements may still be on their way.
    while listed().values().any(|row| row.state != "TIME-WAIT") {}
    assert!(trace.stop().success());
    let (mut named, mut wrong) = (0, Vec::new());
    for connection in trace.of_type("connection") {
        let expected = accepted[&ends(connection)].pid;
        match connection["pid"].as_u64() {
            Some(pid) if Some(pid) == expected => named += 1,
            Some(_) => wrong.push(connection),
            None => {}
        }
    }
    let when = if made_before { "before" } else { "during" };
    println!("made {when} the trace: {named} of {SOCKETS} sockets have ss's owner, {} another", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(named, SOCKETS);
}

#[test]
fn ss_names_the_same_owners_and_states() {
    isolated!();
    compare(false);
}

#[test]
fn ss_names_the_same_owners_of_older_sockets() {
    isolated!();
    compare(true);
}
