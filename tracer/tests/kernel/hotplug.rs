//! CPUs that come and go while tracer runs: only on a machine that is the test's own (`cargo xtask vm`).

use std::{
    fs,
    io::Read as _,
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::{isolated::isolated, support::Namespace};

/// Set where nobody else would miss a CPU.
const OWN_MACHINE: &str = "TRACER_OWN_MACHINE";
/// Connections while the second CPU is there, and as many while it is not.
const COUNT: usize = 20;
/// Transitions of one connection.
const EACH: usize = 10;
/// CLOSE, LISTEN, CLOSE.
const LISTENER: usize = 2;

/// The second CPU, which comes back.
struct Second;

impl Second {
    fn set_online(is_online: bool) {
        fs::write("/sys/devices/system/cpu/cpu1/online", if is_online { "1" } else { "0" }).expect("a second CPU");
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        Self::set_online(true);
    }
}

fn connections(listener: &TcpListener) {
    for _ in 0..COUNT {
        let client = TcpStream::connect(listener.local_addr().expect("address")).expect("connection");
        let (mut server, _) = listener.accept().expect("accepted");
        drop(client);
        assert_eq!(server.read(&mut [0]).expect("the end"), 0);
    }
}

#[test]
fn a_cpu_that_comes_online_later_is_traced_until_it_goes() {
    if std::env::var_os(OWN_MACHINE).is_none() {
        eprintln!("SKIPPED: this test takes a CPU away; {OWN_MACHINE} says that nobody else needs it");
        return;
    }
    isolated!();
    let second = Second;
    Second::set_online(false);
    let namespace = Namespace::enter();
    let mut trace = namespace.trace(&[]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("listener");

    Second::set_online(true);
    let mut cpus = CpuSet::new();
    cpus.set(1);
    sched_setaffinity(None, &cpus).expect("the second CPU");
    connections(&listener);
    trace.wait_for(COUNT * EACH);

    // The kernel moves this thread to the other one.
    Second::set_online(false);
    connections(&listener);
    drop(listener);
    drop(second);
    assert!(trace.stop().success());
    assert_eq!(trace.transitions().count(), 2 * COUNT * EACH + LISTENER);
}
