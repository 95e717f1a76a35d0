//! What is left of root's power while the stream runs, and what is left in the kernel after it.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, ErrorKind},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::{XattrFlags, setxattr},
    process::Signal,
};
use tracer::{
    doctor::preflight,
    event::Event,
    filter::{Criteria, Filter},
    sandbox::Sandbox,
    source::live::{self, Live, Options},
};

use crate::{
    isolated::isolated,
    support::{Namespace, Trace},
};

/// `nobody` on every distribution.
pub(crate) const NOBODY: u32 = 65534;

fn listen_and_close() {
    drop(TcpListener::bind("127.0.0.1:0").expect("listener"));
}

/// The lines of `/proc/PID/task/TID/status` that tell of privilege, of each thread.
pub(crate) fn statuses(pid: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("threads");
    let status = |task: fs::DirEntry| fs::read_to_string(task.path().join("status")).expect("status");
    tasks.map(|task| status(task.expect("a thread"))).collect()
}

pub(crate) fn field<'a>(status: &'a str, name: &str) -> Vec<&'a str> {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).split_whitespace().collect()
}

#[test]
fn no_thread_keeps_a_capability() {
    isolated!();
    for (args, uid) in [(&[][..], "0"), (&["--user", "65534"], "65534")] {
        let namespace = Namespace::enter();
        let mut trace = namespace.trace(args);
        for status in statuses(trace.child.id()) {
            for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                assert_eq!(field(&status, set), ["0000000000000000"], "{set}");
            }
            assert_eq!(field(&status, "NoNewPrivs"), ["1"]);
            assert_eq!(field(&status, "Seccomp"), ["2"], "a filter");
            assert_eq!(field(&status, "Uid"), [uid; 4]);
            assert_eq!(field(&status, "Gid"), [uid; 4]);
        }
        listen_and_close();
        let status = trace.stop();
        assert!(status.success(), "{status} {:#?}", trace.seen.last());
        assert_eq!(trace.transitions().count(), 2);
        assert_eq!(trace.account()["closes"], true);
    }
}

#[test]
fn without_the_sandbox_everything_is_kept_and_that_is_said() {
    isolated!();
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&["--no-sandbox"]);
    assert!(trace.said.iter().any(|line| line.contains("not confined (--no-sandbox)")), "{:?}", trace.said);
    for status in statuses(trace.child.id()) {
        assert_ne!(field(&status, "CapEff"), ["0000000000000000"]);
        assert_eq!(field(&status, "NoNewPrivs"), ["0"]);
    }
    let status = trace.stop();
    assert!(status.success(), "{status} {:#?}", trace.seen.last());
}

/// This program again, running an ignored test only.
pub(crate) fn alone(test: &str) -> Command {
    let mut again = Command::new(std::env::current_exe().expect("this program"));
    again.args(["--ignored", "--exact", test, "--nocapture"]).stdout(Stdio::piped());
    again
}

#[test]
fn what_is_given_up_fails_and_the_stream_goes_on() {
    isolated!();
    let _namespace = Namespace::enter();
    let mut child = alone("sandbox::inside").spawn().expect("it");
    let stdout = BufReader::new(child.stdout.take().expect("stdout"));
    for line in stdout.lines() {
        if line.expect("text").contains("confined") {
            listen_and_close();
        }
    }
    assert!(child.wait().expect("the child").success(), "see above");
}

/// Asks for SIGIO whenever the socket is ready, which the kernel would send to whatever process is named.
fn fcntl_setfl_async(socket: &impl std::os::fd::AsRawFd) -> std::io::Result<()> {
    // SAFETY: a flag of a descriptor that is open.
    let set = unsafe { libc::fcntl(socket.as_raw_fd(), libc::F_SETFL, libc::O_ASYNC) };
    if set == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Runs in a process of its own, which it confines.
#[test]
#[ignore = "a part of what_is_given_up_fails_and_the_stream_goes_on"]
fn inside() {
    let filter = Filter::new(Criteria::default()).expect("no lists").compile(live::ephemeral_range());
    let kernel = preflight().expect("a machine that can").members;
    let options = Options { kernel: &kernel, filter: &filter, ring_bytes: 1 << 20, time_wait: true, kernel_log: None };
    let mut live = Live::start(&options, |_| true).expect("it loads");
    let listener = TcpListener::bind("127.0.0.1:0").expect("listener");
    let address = listener.local_addr().expect("address");
    let this_program = std::env::current_exe().expect("this program");
    let confinement = Sandbox { readable: live.reads(), ..Sandbox::default() }.enter().expect("it is confined");

    aya::sys::is_map_supported(aya::maps::MapType::Array).expect_err("no map is created");
    aya::sys::is_program_supported(aya::programs::ProgramType::SocketFilter).expect_err("no program is loaded");
    assert!(Live::start(&options, |_| true).is_err(), "nothing is attached");
    let refused = |what: std::io::Result<()>, why| {
        let error = what.expect_err(why);
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{why}: {error}");
    };
    refused(Command::new(this_program).spawn().map(drop), "no process is started");
    refused(File::create("/tmp/tracer-test-outside").map(drop), "no file is made");
    refused(File::options().write(true).open("/dev/null").map(drop), "no file is written");
    refused(TcpStream::connect(address).map(drop), "no connection is made");
    let (here, _there) = std::os::unix::net::UnixStream::pair().expect("a pair");
    refused(fcntl_setfl_async(&here), "no signal is asked for");
    if confinement.files {
        refused(File::open("/proc/self/mounts").map(drop), "no file is read");
    }
    let events_before = 1;

    println!("confined");
    let mut events = Vec::new();
    let deadline = Instant::now() + Duration::from_secs(30);
    while events.iter().filter(|event| matches!(event, Event::Transition(_))).count() < events_before + 2 {
        assert!(Instant::now() < deadline, "the stream stopped: {events:?}");
        live.drain(&mut events).expect("it goes on");
        thread::yield_now();
    }
    assert!(live.finish(|_| ()).expect("the counters").closes());
}

/// A copy of tracer that everybody may start, with these capabilities (bits above 31) in its file.
fn with_capabilities(directory: &Path, high_bits: u32) -> PathBuf {
    let program = directory.join(format!("tracer-{high_bits}"));
    fs::copy(env!("CARGO_BIN_EXE_tracer"), &program).expect("a copy");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("executable");
    // `struct vfs_cap_data`, revision 2 with the effective bit (include/uapi/linux/capability.h).
    let words: [u32; 5] = [0x0200_0001, 0, 0, high_bits, 0];
    let value = words.map(u32::to_le_bytes).concat();
    setxattr(&program, "security.capability", &value, XattrFlags::empty()).expect("file capabilities");
    program
}

#[test]
fn an_ordinary_user_needs_two_capabilities() {
    isolated!();
    const PERFMON: u32 = 1 << (38 - 32);
    const BPF: u32 = 1 << (39 - 32);
    let namespace = Namespace::enter();
    let directory = tempfile::tempdir().expect("a directory");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("readable");
    let start = |bits| {
        let mut tracer = Command::new(with_capabilities(directory.path(), bits));
        tracer.uid(NOBODY).gid(NOBODY);
        tracer
    };

    let mut trace = Trace::run(start(BPF | PERFMON), &["--netns", &namespace.inode.to_string()]);
    listen_and_close();
    let status = trace.stop();
    assert!(status.success(), "{status} {:#?}", trace.seen.last());
    assert_eq!(trace.transitions().count(), 2);

    let features =
        trace.of_type("start").next().expect("the first line")["features"].as_array().expect("a list").clone();
    let existing = features.iter().find(|it| it["name"] == "existing_sockets").expect("the feature");
    assert_eq!(existing["measured"], false);
    assert!(existing["reason"].as_str().is_some_and(|reason| reason.contains("CAP_SYS_PTRACE")), "{existing:#}");
    // Without CAP_SYSLOG the kernel's addresses are hidden: one comes from a timewait socket.
    let time_wait = features.iter().find(|it| it["name"] == "time_wait").expect("the feature");
    let is_refused = time_wait["reason"].as_str().is_some_and(|reason| reason.contains("locked down"));
    assert!(time_wait["measured"] == true || is_refused, "{time_wait:#}");

    for (bits, lacking) in [(BPF, "CAP_PERFMON"), (PERFMON, "CAP_BPF"), (0, "CAP_BPF and CAP_PERFMON")] {
        let refused = start(bits).arg("watch").output().expect("tracer");
        let sentence = String::from_utf8(refused.stderr).expect("text");
        assert_eq!(refused.status.code(), Some(3), "{sentence}");
        assert!(
            sentence.contains(&format!("needs {lacking}")) || sentence.contains(&format!("{lacking}, which")),
            "{sentence}"
        );
    }
}

/// Identifiers of the programs, maps and links that a process holds, as `/proc/PID/fdinfo` names them.
pub(crate) fn held(pid: u32, name: &str) -> Vec<u32> {
    let files = fs::read_dir(format!("/proc/{pid}/fdinfo")).expect("descriptors");
    let texts = files.filter_map(|file| fs::read_to_string(file.ok()?.path()).ok());
    let ids = texts.filter_map(|text| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()));
    ids.collect()
}

/// What exists in the kernel of these kinds.
fn existing() -> (Vec<u32>, Vec<u32>) {
    let programs = aya::programs::loaded_programs().filter_map(Result::ok).map(|program| program.id()).collect();
    let maps = aya::maps::loaded_maps().filter_map(Result::ok).map(|map| map.id()).collect();
    (programs, maps)
}

#[test]
fn nothing_is_left_in_the_kernel() {
    isolated!();
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let namespace = Namespace::enter();
        let mut trace = namespace.trace(&[]);
        let pid = trace.child.id();
        let (programs, maps) = (held(pid, "prog_id:"), held(pid, "map_id:"));
        assert!(programs.len() >= 2 && maps.len() >= 4, "{programs:?} {maps:?}");
        let (all_programs, all_maps) = existing();
        assert!(programs.iter().all(|id| all_programs.contains(id)) && maps.iter().all(|id| all_maps.contains(id)));
        trace.signal(signal);
        trace.child.wait().expect("tracer");
        // The kernel frees them after a grace period of RCU.
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let (all_programs, all_maps) = existing();
            if !programs.iter().any(|id| all_programs.contains(id)) && !maps.iter().any(|id| all_maps.contains(id)) {
                break;
            }
            assert!(Instant::now() < deadline, "still there after {signal:?}");
            thread::yield_now();
        }
    }
}
