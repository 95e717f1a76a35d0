//! Ending a socket as an administrator does.

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, SocketAddrV4, TcpStream},
};

use socket2::{Domain, Protocol, Socket, Type};

/// Both ends of an IPv4 socket, its own first.
pub(crate) fn ends(socket: &TcpStream) -> [SocketAddrV4; 2] {
    [socket.local_addr(), socket.peer_addr()].map(|end| match end {
        Ok(SocketAddr::V4(end)) => end,
        other => panic!("{other:?} is no IPv4 end"),
    })
}

/// `SOCK_DESTROY` (linux/sock_diag.h), what `ss -K` does. False if this kernel has none.
pub(crate) fn destroy([source, remote]: [SocketAddrV4; 2]) -> bool {
    #[repr(C)]
    struct Request {
        length: u32,
        kind: u16,
        flags: u16,
        sequence: u32,
        port: u32,
        family: u8,
        protocol: u8,
        extensions: u8,
        padding: u8,
        states: u32,
        source_port: [u8; 2],
        remote_port: [u8; 2],
        source: [u8; 16],
        remote: [u8; 16],
        interface: u32,
        cookie: [u32; 2],
    }
    const SOCK_DESTROY: u16 = 21;
    const NETLINK_SOCK_DIAG: i32 = 4;
    const NLM_F_REQUEST_ACK: u16 = 1 | 4;
    let padded = |addr: &SocketAddrV4| {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&addr.ip().octets());
        bytes
    };
    let request = Request {
        length: u32::try_from(size_of::<Request>()).expect("small"),
        kind: SOCK_DESTROY,
        flags: NLM_F_REQUEST_ACK,
        sequence: 1,
        port: 0,
        family: 2,
        protocol: 6,
        extensions: 0,
        padding: 0,
        states: u32::MAX,
        source_port: source.port().to_be_bytes(),
        remote_port: remote.port().to_be_bytes(),
        source: padded(&source),
        remote: padded(&remote),
        interface: 0,
        cookie: [u32::MAX; 2],
    };
    let mut netlink = Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(NETLINK_SOCK_DIAG)))
        .expect("netlink");
    // SAFETY: a struct without padding, read as bytes.
    let bytes = unsafe { std::slice::from_raw_parts((&raw const request).cast::<u8>(), size_of::<Request>()) };
    netlink.write_all(bytes).expect("a request");
    let mut answer = [0; 64];
    let length = netlink.read(&mut answer).expect("an answer");
    assert!(length >= 20, "{length}");
    // struct nlmsgerr follows the header: 0, or an errno below it.
    match i32::from_le_bytes(answer[16..20].try_into().expect("four bytes")) {
        0 => true,
        // Not built in, or not there at all.
        error if [-libc::EOPNOTSUPP, -libc::ENOENT].contains(&error) => false,
        error => panic!("SOCK_DESTROY: {}", io::Error::from_raw_os_error(-error)),
    }
}
