//! tshark, capturing on all devices of this thread's namespace.

use std::{
    io::{BufRead as _, BufReader},
    net::UdpSocket,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// Flags of the TCP header, RFC 9293 section 3.1.
pub(crate) const FIN: u16 = 1;
pub(crate) const SYN: u16 = 2;
pub(crate) const RST: u16 = 4;
pub(crate) const ACK: u16 = 16;

/// A datagram to the first port says whether the capture runs; one to the second, that everything was captured.
const BEGIN: u16 = 9;
const END: u16 = 10;

/// A TCP segment.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) time_s: f64,
    pub(crate) from: u16,
    pub(crate) to: u16,
    flags: u16,
    /// Bytes of payload that its sender had sent when this was sent; `None` if none is in this one.
    pub(crate) payload_until: Option<u64>,
}

impl Packet {
    pub(crate) fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }
}

/// A running capture.
pub(crate) struct Capture {
    child: Child,
    lines: Receiver<String>,
    marker: UdpSocket,
}

impl Capture {
    /// Starts it and waits until it sees what is sent.
    pub(crate) fn start() -> Self {
        let mut child = Command::new("tshark")
            .args([
                "-i",
                "any",
                "-n",
                "-l",
                "-B",
                "64",
                "-f",
                &format!("tcp or udp portrange {BEGIN}-{END}"),
                "-T",
                "fields",
            ])
            .args(
                ["frame.time_epoch", "tcp.srcport", "tcp.dstport", "tcp.flags", "tcp.seq", "tcp.len", "udp.dstport"]
                    .map(|field| format!("-e{field}")),
            )
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("tshark: cargo xtask test installs it on Debian");
        let stdout = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || stdout.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let capture = Self { child, lines, marker: UdpSocket::bind("127.0.0.1:0").expect("a socket") };
        for _ in 0..300 {
            capture.mark(BEGIN);
            if capture.lines.recv_timeout(Duration::from_millis(100)).is_ok() {
                return capture;
            }
        }
        panic!("tshark sees nothing");
    }

    /// All segments up to now, in order of time.
    pub(crate) fn finish(mut self) -> Vec<Packet> {
        self.mark(END);
        let end = format!("\t{END}");
        let lines = self.lines.iter().take_while(|line| !line.ends_with(&end));
        let packets = lines.filter_map(|line| packet(&line)).collect();
        self.child.kill().expect("tshark");
        self.child.wait().expect("tshark");
        packets
    }

    fn mark(&self, port: u16) {
        self.marker.send_to(b"mark", ("127.0.0.1", port)).expect("a datagram");
    }
}

/// Time, ports, flags, place in the stream and length, with tabs between them; a mark has none of TCP's.
fn packet(line: &str) -> Option<Packet> {
    let fields: Vec<_> = line.split('\t').collect();
    let flags = u16::from_str_radix(fields.get(3)?.strip_prefix("0x")?, 16).ok()?;
    let (seq, payload): (u64, u64) = (fields.get(4)?.parse().ok()?, fields.get(5)?.parse().ok()?);
    Some(Packet {
        time_s: fields[0].parse().ok()?,
        from: fields[1].parse().ok()?,
        to: fields[2].parse().ok()?,
        flags,
        // Counted from the SYN, which has number 0 and takes one.
        payload_until: (payload > 0).then(|| (seq + payload).saturating_sub(1)),
    })
}
