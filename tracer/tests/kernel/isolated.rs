//! Each test in a process of its own, and once more if the kernel withheld events from it.
//!
//! A process that one test starts would, for a moment, hold the sockets of all tests in the process that starts it, and
//! be the one to close them.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
    thread,
};

use crate::{over_init::Witness, support::is_privileged};

/// Set in the process of its own.
const INSIDE: &str = "TRACER_TEST_ISOLATED";
const TRACEPOINTS: [&str; 4] =
    ["sock/inet_sock_set_state", "tcp/tcp_send_reset", "tcp/tcp_receive_reset", "tcp/tcp_retransmit_synack"];
/// How often a test may begin again because of withheld events.
const ATTEMPTS: usize = 3;

/// Returns from the test, visibly, if it lacks the privilege, and when it has run in a process of its own; goes on in that
/// process.
macro_rules! isolated {
    () => {
        if !$crate::isolated::goes_on() {
            return;
        }
    };
}
pub(crate) use isolated;

pub(crate) fn goes_on() -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    if !is_privileged() {
        return false;
    }
    let current = thread::current();
    let test = current.name().expect("a test's thread has its name");
    for _ in 0..ATTEMPTS {
        let before = withheld();
        let mut again = Command::new(std::env::current_exe().expect("this program"));
        let output = again.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").output().expect("this program");
        show(&output.stdout);
        show(&output.stderr);
        if output.status.success() {
            return false;
        }
        let withheld = withheld() - before;
        assert!(withheld > 0, "{test} failed");
        println!("{withheld} events happened while process 1 was current: perhaps the kernel withheld one; again");
    }
    panic!("{test} failed {ATTEMPTS} times");
}

/// Passes on what the test said; what its harness said, this one's says.
fn show(said: &[u8]) {
    let said = String::from_utf8_lossy(said);
    let harness = ["running ", "test ", "test result: "];
    let lines = said.lines().filter(|line| !line.is_empty() && !harness.iter().any(|word| line.starts_with(word)));
    lines.for_each(|line| println!("{line}"));
}

/// Events so far that happened while process 1 was current.
fn withheld() -> u64 {
    static WITNESS: Mutex<Option<Witness>> = Mutex::new(None);
    let mut witness = WITNESS.lock().unwrap_or_else(PoisonError::into_inner);
    // It may need mounts of its own, which end with the thread.
    let start = || thread::spawn(|| Witness::start(&TRACEPOINTS)).join().expect("a witness");
    witness.get_or_insert_with(start).count()
}
