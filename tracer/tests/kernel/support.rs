//! A namespace, a running tracer, and what it printed.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{BufRead as _, BufReader},
    os::{fd::AsFd as _, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
};

use rustix::{
    process::{Pid, Signal, kill_process},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};
use serde_json::Value;
use tempfile::TempDir;

/// Longest that a test waits for something the kernel does at once.
const PATIENCE: &str = "120s";

/// Whether the test can run; says so if not, and fails where privilege is required (CI).
pub(crate) fn is_privileged() -> bool {
    let root = rustix::process::geteuid().is_root();
    assert!(
        root || std::env::var_os("TRACER_REQUIRE_PRIVILEGE").is_none(),
        "TRACER_REQUIRE_PRIVILEGE is set and this test does not run as root"
    );
    if !root {
        eprintln!("SKIPPED: this test loads BPF programs and needs root");
    }
    root
}

/// A network namespace of the test's own.
pub(crate) struct Namespace {
    pub(crate) inode: u32,
    file: File,
}

impl Namespace {
    /// Makes one that only this test's thread is in.
    pub(crate) fn enter() -> Self {
        // SAFETY: only the network namespace of this thread changes; no descriptor or memory is shared differently.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET) }.expect("a namespace");
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status().expect("ip");
        assert!(up.success(), "ip link set lo up");
        let file = File::open("/proc/thread-self/ns/net").expect("own namespace");
        let inode = file.metadata().expect("own namespace").ino();
        Self { inode: u32::try_from(inode).expect("namespace inodes have 32 bits"), file }
    }

    /// Runs something in a thread that is in this namespace.
    pub(crate) fn spawn<T: Send + 'static>(&self, act: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let file = self.file.try_clone().expect("a descriptor");
        thread::spawn(move || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).expect("the namespace");
            act()
        })
    }

    /// Runs a command inside.
    pub(crate) fn run(&self, command: &[&str]) {
        let status = Command::new(command[0]).args(&command[1..]).status().expect(command[0]);
        assert!(status.success(), "{command:?}");
    }

    /// Starts `tracer watch` on this namespace only.
    pub(crate) fn trace(&self, args: &[&str]) -> Trace {
        Trace::of(&[self], args)
    }
}

/// Where the cgroup v2 hierarchy is mounted.
pub(crate) fn cgroup_mount() -> PathBuf {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("mounts");
    let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    mounts.find(|mount| mount[2] == "cgroup2").expect("a cgroup2 mount")[1].into()
}

/// A cgroup of its own, removed when dropped.
pub(crate) struct Cgroup {
    directory: TempDir,
    pub(crate) id: u64,
}

impl Cgroup {
    pub(crate) fn make() -> Self {
        let directory = tempfile::Builder::new().prefix("tracer-test-").tempdir_in(cgroup_mount()).expect("a cgroup");
        let id = fs::metadata(directory.path()).expect("a cgroup").ino();
        Self { directory, id }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A cgroup's files cannot be removed, which is what TempDir would begin with.
        let _ = fs::remove_dir(self.directory.path());
    }
}

/// A running `tracer watch --format json`, or another command.
pub(crate) struct Trace {
    pub(crate) child: Child,
    stdout: BufReader<ChildStdout>,
    /// What it says on stderr after that.
    rest: Option<JoinHandle<Vec<String>>>,
    /// What it had said on stderr when it was attached; in the end, all of it but that.
    pub(crate) said: Vec<String>,
    pub(crate) seen: Vec<Value>,
}

impl Trace {
    /// Starts it on these namespaces only.
    pub(crate) fn of(namespaces: &[&Namespace], args: &[&str]) -> Self {
        let inodes: Vec<_> = namespaces.iter().map(|namespace| namespace.inode.to_string()).collect();
        let only = inodes.iter().flat_map(|inode| ["--netns", inode]);
        Self::start(&only.chain(args.iter().copied()).collect::<Vec<_>>())
    }

    /// Starts `tracer latency` on these namespaces only.
    pub(crate) fn latency(namespaces: &[&Namespace], args: &[&str]) -> Self {
        let inodes: Vec<_> = namespaces.iter().map(|namespace| namespace.inode.to_string()).collect();
        let only = inodes.iter().flat_map(|inode| ["--netns", inode]);
        let args: Vec<_> = only.chain(args.iter().copied()).collect();
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_tracer")), "latency", &args)
    }

    /// Starts it and waits until it says that it is attached.
    pub(crate) fn start(args: &[&str]) -> Self {
        Self::run(Command::new(env!("CARGO_BIN_EXE_tracer")), args)
    }

    /// Starts `tracer summary` on this namespace only.
    pub(crate) fn summary(namespace: &Namespace, args: &[&str]) -> Self {
        let netns = namespace.inode.to_string();
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_tracer")), "summary", &[&["--netns", &netns], args].concat())
    }

    /// Starts `tracer record` on this namespace only.
    pub(crate) fn record(namespace: &Namespace, args: &[&str]) -> Self {
        let netns = namespace.inode.to_string();
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_tracer")), "record", &[&["--netns", &netns], args].concat())
    }

    /// Starts it with a way of its own to start tracer.
    pub(crate) fn run(tracer: Command, args: &[&str]) -> Self {
        Self::spawn(tracer, "watch", args)
    }

    fn spawn(mut tracer: Command, command: &str, args: &[&str]) -> Self {
        let mut child = tracer
            .args([command, "--format", "json"])
            .args(if args.contains(&"--duration") { &[][..] } else { &["--duration", PATIENCE] })
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("tracer");
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let mut said = Vec::new();
        loop {
            match stderr.next() {
                Some(Ok(line)) if line.contains("attached") => break,
                Some(Ok(line)) => said.push(line),
                _ => panic!("tracer did not attach: {said:?}"),
            }
        }
        // Keep reading, so that it never writes into a closed pipe, and show it where a test that fails shows its output.
        let rest = thread::spawn(move || stderr.map_while(Result::ok).collect());
        let stdout = BufReader::new(child.stdout.take().expect("stdout"));
        Self { child, stdout, rest: Some(rest), said, seen: Vec::new() }
    }

    /// Reads until `count` transitions are there.
    pub(crate) fn wait_for(&mut self, count: usize) {
        self.wait_for_objects("transition", count);
    }

    /// Reads until `count` objects of this type are there.
    pub(crate) fn wait_for_objects(&mut self, kind: &str, count: usize) {
        let mut there = self.of_type(kind).count();
        while there < count {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).expect("stdout");
            assert!(read > 0, "tracer ended after {:#?}", self.paths());
            let object: Value = serde_json::from_str(&line).expect("a JSON object a line");
            there += usize::from(object["type"] == kind);
            self.seen.push(object);
        }
    }

    /// Ends it as Ctrl-C does and reads the rest.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::INT);
        self.finish()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("own child");
    }

    /// Reads to the end and waits.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        let status = self.read_to_the_end();
        if let Some(summary) = self.of_type("summary").last() {
            assert_eq!(summary["account"]["closes"], true, "{summary:#}");
        }
        status
    }

    fn read_to_the_end(&mut self) -> ExitStatus {
        let mut line = String::new();
        while self.stdout.read_line(&mut line).expect("stdout") > 0 {
            self.seen.push(serde_json::from_str(&line).expect("a JSON object a line"));
            line.clear();
        }
        for line in self.rest.take().into_iter().flat_map(|rest| rest.join().expect("stderr")) {
            println!("{line}");
            self.said.push(line);
        }
        self.child.wait().expect("tracer")
    }

    pub(crate) fn of_type(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.seen.iter().filter(move |object| object["type"] == kind)
    }

    pub(crate) fn transitions(&self) -> impl Iterator<Item = &Value> {
        self.of_type("transition")
    }

    /// The final summary's account.
    pub(crate) fn account(&self) -> &Value {
        let last = self.of_type("summary").last().expect("a final summary");
        assert_eq!(last["final"], true);
        &last["account"]
    }

    /// Transitions of each socket, in the order printed: `role local>remote: STATE STATE …`.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut sockets: BTreeMap<u64, Vec<&Value>> = BTreeMap::new();
        for transition in self.transitions() {
            let socket = transition["socket"].as_u64().expect("a cookie");
            sockets.entry(socket).or_default().push(transition);
        }
        let mut paths: Vec<String> = sockets.values().map(|path| describe(path)).collect();
        paths.sort();
        paths
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        // Already gone in the usual case.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `client CLOSE SYN_SENT ESTABLISHED`, having checked that the transitions are contiguous and never step back in time.
fn describe(path: &[&Value]) -> String {
    for pair in path.windows(2) {
        assert_eq!(pair[0]["new_state"], pair[1]["old_state"], "out of order: {path:#?}");
        assert!(pair[0]["ts"].as_str() <= pair[1]["ts"].as_str(), "back in time: {path:#?}");
        // A closed socket is forgotten, so how long it rested before its next life is not known.
        let timed = pair[1]["in_state_ns"].is_u64();
        assert_eq!(timed, pair[1]["old_state"] != "CLOSE", "time in state: {:#?}", pair[1]);
    }
    let mut words = vec![path[0]["role"].as_str().unwrap_or("null")];
    words.push(path[0]["old_state"].as_str().expect("a state"));
    words.extend(path.iter().map(|step| step["new_state"].as_str().expect("a state")));
    words.join(" ")
}
