//! Two hosts and the wire between them, which is in the test's hands: it sees each packet and says what arrives when.
//!
//! No timers: a packet arrives when the wire's own thread writes it, so every state change runs in a task of the test.

use std::{
    fs::{File, OpenOptions},
    io::{PipeWriter, Read as _, Write as _},
    net::TcpListener,
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    ioctl::{Setter, ioctl, opcode},
};

use crate::support::Namespace;

const NEAR: &str = "10.0.0.1";
const FAR: &str = "10.0.0.2";

/// Two namespaces and the wire between them. The near one is the test thread's own.
pub(crate) struct Wire {
    /// Listens at the far end.
    pub(crate) listener: TcpListener,
    /// The far end's namespace.
    pub(crate) far: Namespace,
    cut: Option<PipeWriter>,
    relay: Option<JoinHandle<()>>,
}

/// An IPv4 packet on the wire and the end it goes to.
pub(crate) struct Packet {
    pub(crate) to_far: bool,
    pub(crate) bytes: Vec<u8>,
}

/// When a wire saw what of a handshake, each for the first time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Times {
    syn: Option<Instant>,
    lost: Option<Instant>,
    syn_ack: Option<Instant>,
}

impl Times {
    /// From the client's first SYN to the SYN-ACK that arrived.
    pub(crate) fn since_syn(&self) -> Duration {
        self.until_syn_ack(self.syn)
    }

    /// From the segment that was lost to the SYN-ACK that arrived.
    pub(crate) fn since_loss(&self) -> Duration {
        self.until_syn_ack(self.lost)
    }

    fn until_syn_ack(&self, from: Option<Instant>) -> Duration {
        self.syn_ack.expect("a SYN-ACK").duration_since(from.expect("a SYN"))
    }
}

/// What a wire does that loses the first segment with SYN in one direction, and what it saw.
pub(crate) fn losing(lost_to_far: bool) -> (impl FnMut(Packet) -> Vec<Packet> + Send + 'static, Arc<Mutex<Times>>) {
    let times = Arc::new(Mutex::new(Times::default()));
    let noted = Arc::clone(&times);
    let arrive = move |packet: Packet| {
        let times = &mut *noted.lock().expect("times");
        if !packet.is_syn() {
            return vec![packet];
        }
        if packet.to_far {
            times.syn.get_or_insert_with(Instant::now);
        }
        if packet.to_far == lost_to_far && times.lost.is_none() {
            times.lost = Some(Instant::now());
            return Vec::new();
        }
        if !packet.to_far {
            times.syn_ack.get_or_insert_with(Instant::now);
        }
        vec![packet]
    };
    (arrive, times)
}

impl Packet {
    /// Whether it is a TCP segment with FIN set (RFC 9293 section 3.1).
    pub(crate) fn is_fin(&self) -> bool {
        self.flags() & 1 != 0
    }

    /// Whether it is a TCP segment with SYN set: to the far end a SYN, from it a SYN-ACK.
    pub(crate) fn is_syn(&self) -> bool {
        self.flags() & 2 != 0
    }

    /// The ICMP message that says that this packet could not be delivered (RFC 792: type 3 with this code).
    pub(crate) fn undeliverable(&self, code: u8) -> Self {
        let header = usize::from(self.bytes[0] & 0xf) * 4;
        // What came, with 8 bytes of its payload, after type, code, checksum and 4 bytes of zero.
        let mut message = [&[3, code, 0, 0, 0, 0, 0, 0][..], &self.bytes[..header + 8]].concat();
        let sum = !ones_complement_sum(&message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        let length = u16::try_from(20 + message.len()).expect("a packet").to_be_bytes();
        let mut ip = [0x45, 0, length[0], length[1], 0, 0, 0, 0, 64, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        ip[12..16].copy_from_slice(&self.bytes[16..20]);
        ip[16..20].copy_from_slice(&self.bytes[12..16]);
        let sum = !ones_complement_sum(&ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        Self { to_far: !self.to_far, bytes: [&ip[..], &message].concat() }
    }

    /// Acknowledges so many bytes more than its sender did.
    pub(crate) fn acknowledge_more(&mut self, bytes: u32) {
        let at = usize::from(self.bytes[0] & 0xf) * 4;
        let field = at + 8..at + 12;
        let number = u32::from_be_bytes(self.bytes[field.clone()].try_into().expect("four bytes"));
        self.bytes[field].copy_from_slice(&number.wrapping_add(bytes).to_be_bytes());
        let sum = self.checksum(at);
        self.bytes[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
    }

    /// The checksum that the TCP segment at byte `at` should have (RFC 9293 section 3.1).
    fn checksum(&self, at: usize) -> u16 {
        let segment = &self.bytes[at..];
        let length = u32::try_from(segment.len()).expect("a packet");
        let header = [&self.bytes[12..20], &6_u32.to_be_bytes(), &length.to_be_bytes()].concat();
        !ones_complement_sum(&[&header, &segment[..16], &segment[18..]].concat())
    }

    /// The TCP header's flags; none if it is another protocol's packet.
    fn flags(&self) -> u8 {
        let header = usize::from(self.bytes[0] & 0xf) * 4;
        if self.bytes[9] == 6 { self.bytes[header + 13] } else { 0 }
    }
}

/// The sum of 16-bit words that IP, ICMP and TCP take their checksums from (RFC 1071).
fn ones_complement_sum(bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(0_u16, |sum, word| {
        let word = u16::from_be_bytes([word[0], word.get(1).copied().unwrap_or(0)]);
        let (sum, carry) = sum.overflowing_add(word);
        sum + u16::from(carry)
    })
}

impl Wire {
    /// Lays a wire from this thread's namespace to a new one. `arrive` gets each packet as it is sent and says which
    /// packets arrive now.
    pub(crate) fn lay(near: &Namespace, arrive: impl FnMut(Packet) -> Vec<Packet> + Send + 'static) -> Self {
        let near = plug(near, NEAR);
        let (far, far_end, listener) = thread::spawn(|| {
            let far = Namespace::enter();
            let end = plug(&far, FAR);
            let listener = TcpListener::bind((FAR, 0)).expect("listener at the far end");
            (far, end, listener)
        })
        .join()
        .expect("the far end");
        let (cut_here, cut) = std::io::pipe().expect("a pipe");
        let relay = thread::spawn(move || relay([near, far_end], &cut_here, arrive));
        Self { listener, far, cut: Some(cut), relay: Some(relay) }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut = None;
        if let Some(relay) = self.relay.take() {
            // A panic there has been printed, and the test misses its packets.
            let _ = relay.join();
        }
    }
}

/// A network device whose packets are read from and written to the file.
fn plug(namespace: &Namespace, addr: &str) -> File {
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        flags: u16,
        rest: [u8; 22],
    }
    const IFF_TUN: u16 = 1;
    const IFF_NO_PI: u16 = 0x1000;
    const TUNSETIFF: rustix::ioctl::Opcode = opcode::write::<i32>(b'T', 202);
    let file = OpenOptions::new().read(true).write(true).open("/dev/net/tun").expect("/dev/net/tun");
    let mut request = Request { name: [0; 16], flags: IFF_TUN | IFF_NO_PI, rest: [0; 22] };
    request.name[..4].copy_from_slice(b"wire");
    // SAFETY: the layout is `struct ifreq`'s (linux/if.h), which TUNSETIFF reads.
    unsafe { ioctl(&file, Setter::<TUNSETIFF, Request>::new(request)) }.expect("a tun device");
    namespace.run(&["ip", "addr", "add", &format!("{addr}/24"), "dev", "wire"]);
    namespace.run(&["ip", "link", "set", "wire", "up"]);
    file
}

/// Carries packets until `cut` hangs up.
fn relay(ends: [File; 2], cut: &impl std::os::fd::AsFd, mut arrive: impl FnMut(Packet) -> Vec<Packet>) {
    let mut buffer = [0; 2048];
    loop {
        let mut ready = [
            PollFd::new(&ends[0], PollFlags::IN),
            PollFd::new(&ends[1], PollFlags::IN),
            PollFd::new(cut, PollFlags::empty()),
        ];
        poll(&mut ready, None).expect("poll");
        let [near, far, cut] = ready.map(|fd| !fd.revents().is_empty());
        if cut {
            return;
        }
        for (from, _) in [near, far].into_iter().enumerate().filter(|(_, readable)| *readable) {
            let length = (&ends[from]).read(&mut buffer).expect("a packet");
            // IPv6 neighbours and routers are not there to be found.
            if buffer[0] >> 4 != 4 {
                continue;
            }
            for packet in arrive(Packet { to_far: from == 0, bytes: buffer[..length].to_vec() }) {
                (&ends[usize::from(packet.to_far)]).write_all(&packet.bytes).expect("a packet");
            }
        }
    }
}
