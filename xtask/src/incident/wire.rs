//! A wire between two namespaces: two tun devices, and threads that carry packets from one to the other.
//!
//! A veth pair with netem would do the same, where the kernel has netem; many do not.
#![expect(unsafe_code, reason = "ioctl(2): tun devices of our own")]

use std::{
    fs::{File, OpenOptions},
    io::{Read as _, Write as _},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use rustix::ioctl::{Opcode, Setter, ioctl, opcode};

use crate::namespace::Namespace;

/// Longer than any packet: the devices' MTU is 1500.
const LONGEST: usize = 2048;

/// What a packet meets on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Each way; what the threads take comes on top.
    pub(crate) delay: Duration,
    /// Every so manieth packet is lost, each way; none at 0.
    pub(crate) loses_one_in: u64,
}

impl Weather {
    /// A round trip of about a millisecond, and nothing lost.
    pub(crate) const FINE: Self = Self { delay: Duration::from_micros(400), loses_one_in: 0 };

    fn loses(self, packet: u64) -> bool {
        self.loses_one_in > 0 && packet % self.loses_one_in == self.loses_one_in - 1
    }
}

/// Its devices are there as long as this process is: its threads wait for packets until then.
pub(crate) struct Wire {
    weather: Arc<Mutex<Weather>>,
}

impl Wire {
    /// Joins two namespaces; the device has the same name in both.
    pub(crate) fn join(name: &str, near: &Namespace, far: &Namespace) -> Result<Self> {
        let [near, far] = [near.run(|| device(name))?, far.run(|| device(name))?].map(Arc::new);
        let weather = Arc::new(Mutex::new(Weather::FINE));
        carry(Arc::clone(&near), Arc::clone(&far), Arc::clone(&weather));
        carry(far, near, Arc::clone(&weather));
        Ok(Self { weather })
    }

    /// For what is sent from now on.
    pub(crate) fn set(&self, weather: Weather) {
        *self.weather.lock().unwrap_or_else(PoisonError::into_inner) = weather;
    }
}

/// A tun device in the namespace that this thread is in, without packet information.
fn device(name: &str) -> Result<File> {
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        flags: u16,
        rest: [u8; 22],
    }
    const IFF_TUN: u16 = 1;
    const IFF_NO_PI: u16 = 0x1000;
    const TUNSETIFF: Opcode = opcode::write::<i32>(b'T', 202);
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun");
    let file = file.context("cannot open /dev/net/tun, which the kernel has as CONFIG_TUN")?;
    let mut request = Request { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
    request.name[..name.len()].copy_from_slice(name.as_bytes());
    // SAFETY: the layout is `struct ifreq`'s (linux/if.h), which TUNSETIFF reads.
    unsafe { ioctl(&file, Setter::<TUNSETIFF, Request>::new(request)) }.context("cannot make a tun device")?;
    Ok(file)
}

/// A packet and when it arrives.
type Underway = (Instant, Vec<u8>);

/// One direction. Packets stay in order, also when the delay becomes shorter.
fn carry(from: Arc<File>, to: Arc<File>, weather: Arc<Mutex<Weather>>) {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || accept(&from, &weather, &sender));
    thread::spawn(move || deliver(&receiver, &to));
}

fn accept(mut from: &File, weather: &Mutex<Weather>, underway: &Sender<Underway>) {
    let mut buffer = [0; LONGEST];
    // Counts what could be lost: neighbours and routers of IPv6 ask in vain, and at times of their own.
    let mut packets = 0;
    while let Ok(length) = from.read(&mut buffer) {
        let weather = *weather.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer[0] >> 4 != 4 {
            continue;
        }
        packets += 1;
        let arrives = Instant::now() + weather.delay;
        if !weather.loses(packets) && underway.send((arrives, buffer[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn deliver(underway: &Receiver<Underway>, mut to: &File) {
    for (arrives, packet) in underway {
        thread::sleep(arrives.saturating_duration_since(Instant::now()));
        // A device that is down takes nothing, as wires do.
        let _ = to.write_all(&packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_packet_is_lost() {
        let weather = Weather { delay: Duration::ZERO, loses_one_in: 3 };
        let lost: Vec<_> = (0..9).filter(|&packet| weather.loses(packet)).collect();
        assert_eq!(lost, [2, 5, 8]);
        assert!((0..9).all(|packet| !Weather::FINE.loses(packet)));
    }
}
