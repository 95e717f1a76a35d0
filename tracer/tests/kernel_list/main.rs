//! `tracer list` beside ss, netstat and lsof: sockets in every state that can be held, field by field the same.
#![expect(unsafe_code, reason = "unshare(2), ioctl(2): namespaces and devices of the test's own")]

mod counts;
#[path = "../kernel/isolated.rs"]
mod isolated;
mod listed;
#[path = "../kernel_storm/over_init.rs"]
mod over_init;
#[path = "../kernel/support.rs"]
#[expect(dead_code, reason = "it serves the other kernel tests, too")]
mod support;
#[path = "../kernel/wire.rs"]
#[expect(dead_code, reason = "it serves the other kernel tests, too")]
mod wire;
mod witness;
mod zoo;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs::{self, Permissions},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    process::{Command, Stdio},
    thread,
};

use tempfile::TempDir;

use crate::{
    isolated::isolated,
    listed::{Listed, Told, list, listed_by, tracer},
    support::Namespace,
    zoo::Zoo,
};

/// A user who has no process.
const NOBODY: u32 = 65_534;

/// As ss shows it.
#[test]
fn a_socket_on_one_interface_says_on_which() {
    isolated!();
    let namespace = Namespace::enter();
    let _zoo = Zoo::open(&namespace);
    let text = Command::new(env!("CARGO_BIN_EXE_tracer")).args(["list", "-tln"]).output().expect("tracer");
    let text = String::from_utf8_lossy(&text.stdout);
    assert_eq!(text.matches(" 127.0.0.1%lo:").count(), 1, "{text}");
}

/// How many sockets of each kind there are.
#[test]
fn every_state_is_listed() {
    isolated!();
    let namespace = Namespace::enter();
    let _zoo = Zoo::open(&namespace);
    let listed = list();
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for listed in &listed {
        *counts.entry((&listed.protocol, &listed.state)).or_default() += 1;
    }
    // Since Linux 6.8.
    let bound_only = counts.remove(&("tcp", "BOUND_INACTIVE"));
    assert_eq!(bound_only, (kernel() >= (6, 8)).then_some(2));
    let expected = [
        (("tcp", "CLOSE_WAIT"), 4),
        (("tcp", "CLOSING"), 1),
        (("tcp", "ESTABLISHED"), 17),
        (("tcp", "FIN_WAIT1"), 2),
        (("tcp", "FIN_WAIT2"), 4),
        (("tcp", "LAST_ACK"), 1),
        (("tcp", "LISTEN"), 5),
        (("tcp", "SYN_RECV"), 1),
        (("tcp", "SYN_SENT"), 1),
        (("tcp", "TIME_WAIT"), 2),
        (("udp", "CLOSE"), 5),
        (("udp", "ESTABLISHED"), 2),
    ];
    assert_eq!(counts, expected.into());
}

/// This kernel's version.
fn kernel() -> (u32, u32) {
    let uname = rustix::system::uname();
    let mut numbers = uname.release().to_str().expect("a version").split(['.', '-']);
    [(); 2].map(|()| numbers.next().and_then(|number| number.parse().ok()).expect("a version")).into()
}

#[test]
fn ss_says_the_same() {
    isolated!();
    let cookie = |told: &Told| told.cookie.expect("a cookie");
    same(witness::ss, |told, listed| cookie(told) == listed.cookie, |listed| !listed.is_bound_only());
}

#[test]
fn netstat_says_the_same() {
    isolated!();
    let is = |told: &Told, listed: &Listed| told.is_between(listed) && told.inode == Some(listed.inode);
    same(witness::netstat, is, |listed| !listed.is_bound_only());
}

#[test]
fn lsof_says_the_same() {
    isolated!();
    let is_held = |listed: &Listed| listed.is_held() && !listed.is_bound_only();
    same(witness::lsof, |told, listed| told.inode == Some(listed.inode), is_held);
}

/// Who is nobody sees what there is, but not whose it is: neither root's, nor what nobody may hold.
#[test]
fn without_privilege_owners_are_hidden_and_nothing_else() {
    isolated!();
    let namespace = Namespace::enter();
    let _zoo = Zoo::open(&namespace);
    let directory = reachable_by_all();
    let as_nobody = |args: &[&str]| {
        let mut tracer = Command::new(directory.path().join("tracer"));
        tracer.args(["list", "--format", "json"]).args(args).uid(NOBODY).gid(NOBODY);
        tracer
    };
    owners_are_hidden_from(&mut as_nobody(&[]), "run it with sudo");
    let (listed, said) = listed_by(&mut as_nobody(&["--pid", "1"]));
    assert_eq!(listed.len(), 0);
    let hidden = list().into_iter().filter(|listed| listed.inode != 0).count();
    assert!(said.contains(&format!("{hidden} more may match, for they may belong to processes that only")), "{said}");
    let everywhere = as_nobody(&["--netns", "all"]).output().expect("tracer");
    let said = String::from_utf8_lossy(&everywhere.stderr);
    assert!(said.contains("namespaces that only they are in are not listed"), "{said}");
    assert_eq!(everywhere.status.code(), Some(4));
}

/// A copy of the program: it may lie where only root may go.
fn reachable_by_all() -> TempDir {
    let directory = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().expect("a directory");
    fs::copy(env!("CARGO_BIN_EXE_tracer"), directory.path().join("tracer")).expect("a copy");
    directory
}

/// Root does not lack privilege there.
#[test]
fn outside_the_pid_namespace_owners_are_not_seen() {
    isolated!();
    let namespace = Namespace::enter();
    let _zoo = Zoo::open(&namespace);
    let mut unshare = Command::new("unshare");
    unshare.args(["--pid", "--fork", "--mount-proc", env!("CARGO_BIN_EXE_tracer"), "list", "--format", "json"]);
    let output = unshare.output().expect("unshare");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("processes outside this pid namespace, which are not seen (?); run it on the host"),
        "{said}"
    );
    let start = output.stdout.split(|byte| *byte == b'\n').next().expect("a line");
    let start: serde_json::Value = serde_json::from_slice(start).expect("JSON");
    let owners = &start["features"][0];
    assert_eq!(owners["reason"], "processes outside this pid namespace are not seen", "{start}");
}

/// Where no further thread may be made, the one there is does it all.
#[test]
fn one_thread_is_enough() {
    isolated!();
    let namespace = Namespace::enter();
    let directory = reachable_by_all();
    // A user of this test's own: the limit is of all processes of one.
    let user = r#"exec setpriv --reuid 65530 --clear-groups "$0" list --format json"#;
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -u 1; {user}")]).arg(directory.path().join("tracer"));
    let _zoo = Zoo::open(&namespace);
    assert_eq!(listed_by(&mut limited).0.len(), list().len());
}

/// Root without this capability may open the directory of descriptors, and not see where one leads.
#[test]
fn descriptors_that_lead_nowhere_are_hidden() {
    isolated!();
    let namespace = Namespace::enter();
    let _zoo = Zoo::open(&namespace);
    let mut setpriv = Command::new("setpriv");
    setpriv.args(["--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", env!("CARGO_BIN_EXE_tracer")]);
    owners_are_hidden_from(setpriv.args(["list", "--format", "json"]), "root needs CAP_SYS_PTRACE");
}

/// Who may not look is told so, and what to do.
fn owners_are_hidden_from(tracer: &mut Command, remedy: &str) {
    let all: HashMap<u64, Listed> = list().into_iter().map(|listed| (listed.cookie, listed)).collect();
    let (seen, said) = listed_by(tracer);
    assert_eq!(seen.len(), all.len());
    for listed in &seen {
        let known = &all[&listed.cookie];
        assert_eq!((&listed.state, listed.inode), (&known.state, known.inode));
        assert_eq!(listed.holders, (known.inode == 0).then(BTreeSet::new), "{listed:#?}");
    }
    assert!(said.contains(&format!("may belong to processes that only others may look at (?); {remedy}")), "{said}");
}

/// A namespace in which only another process is.
#[test]
fn other_namespaces_are_entered() {
    isolated!();
    let _own = Namespace::enter();
    let (other, listener, mut inside) = thread::spawn(|| {
        let other = Namespace::enter();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        (other, listener, Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat"))
    })
    .join()
    .expect("the other namespace");
    let (listed, said) = listed_by(tracer().args(["--netns", &other.inode.to_string()]));
    let [listed] = &listed[..] else { panic!("one listener: {listed:#?}, {said}") };
    assert_eq!((listed.state.as_str(), listed.is_held()), ("LISTEN", true));
    drop(listener);
    drop(inside.stdin.take());
    assert!(inside.wait().expect("cat").success());
    let nobody = tracer().args(["--netns", &other.inode.to_string()]).output().expect("tracer");
    let said = String::from_utf8_lossy(&nobody.stderr);
    assert!(said.contains("no process that can be looked at is in network namespace"), "{said}");
    assert_ne!(nobody.status.code(), Some(0));
}

/// Ports that one namespace gives out are not given out in another.
#[test]
fn a_role_goes_by_the_range_of_ports_of_the_socket_s_namespace() {
    isolated!();
    let _own = Namespace::enter();
    let (other, ends, mut inside) = thread::spawn(|| {
        let other = Namespace::enter();
        fs::write("/proc/sys/net/ipv4/ip_local_port_range", "20000 20999").expect("a range");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listener");
        let client = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        (other, (listener, client), Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat"))
    })
    .join()
    .expect("the other namespace");
    let (listed, said) = listed_by(tracer().args(["--netns", &other.inode.to_string(), "--role", "client"]));
    assert_eq!(listed.len(), 1, "{listed:#?}, {said}");
    drop(ends);
    drop(inside.stdin.take());
    assert!(inside.wait().expect("cat").success());
}

/// A namespace that no process is in, and that only a file keeps.
#[test]
fn a_namespace_that_only_a_path_keeps_is_entered() {
    isolated!();
    let _own = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    // The mount ends with the shell's own mount namespace.
    let kept = r#": > "$1" && unshare --net="$1" true && exec "$0" list --format json --netns "$1""#;
    let mut shell = Command::new("unshare");
    shell.args(["--mount", "sh", "-c", kept, env!("CARGO_BIN_EXE_tracer")]).arg(directory.path().join("netns"));
    let (listed, said) = listed_by(&mut shell);
    assert_eq!((listed.len(), said.as_str()), (0, "tracer: no socket matches.\n"));
}

/// Compares everything: each that a witness tells of is listed, and each that is listed is told of.
fn same(witness: fn() -> Vec<Told>, is: impl Fn(&Told, &Listed) -> bool, tells: impl Fn(&Listed) -> bool) {
    let namespace = Namespace::enter();
    let zoo = Zoo::open(&namespace);
    let before = list();
    let told = witness();
    let after: HashMap<u64, Listed> = list().into_iter().map(|listed| (listed.cookie, listed)).collect();
    let mut untold: HashSet<u64> = before.iter().filter(|listed| tells(listed)).map(|listed| listed.cookie).collect();
    for told in told {
        let listed = before.iter().find(|listed| is(&told, listed));
        let listed = listed.unwrap_or_else(|| panic!("not listed: {told:#?}"));
        assert!(untold.remove(&listed.cookie), "listed once, told of more often: {told:#?}");
        told.compare(listed, &after[&listed.cookie]);
    }
    assert!(untold.is_empty(), "not told of: {:#?}", before.iter().filter(|listed| untold.contains(&listed.cookie)));
    drop(zoo);
}
