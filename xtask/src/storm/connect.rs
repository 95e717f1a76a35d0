//! Connections that are made and closed: connect, accept, send, close, read to the end, close.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    time::Duration,
};

use socket2::SockRef;

use super::{Args, Done, HANDSHAKES, Work};

/// Client: CLOSE, SYN_SENT, ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE. Server: LISTEN, SYN_RECV, ESTABLISHED,
/// CLOSE_WAIT, LAST_ACK, CLOSE.
const PER_CLOSE: u64 = 10;
/// Client: CLOSE, SYN_SENT, ESTABLISHED, CLOSE. Server: LISTEN, SYN_RECV, ESTABLISHED, CLOSE.
const PER_RESET: u64 = 6;
/// All of 127.0.0.0/8 is this host, and each worker has so many addresses of it: ports in TIME_WAIT do not run out.
const ADDRESSES: u64 = 250;

/// A worker's share.
pub(super) fn act(work: &Work<'_>) -> io::Result<Done> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0));
    work.ready.wait();
    let listener = listener?;
    let port = listener.local_addr()?.port();
    let payload = vec![0; work.args.payload];
    let mut done = work.repeat(|count| {
        let [.., host] = (1 + count % ADDRESSES).to_be_bytes();
        connect(&listener, SocketAddr::from(([127, work.worker, 0, host], port)), work.args, &payload)
    })?;
    done.transitions += done.count * if work.args.reset { PER_RESET } else { PER_CLOSE };
    done.handshakes += done.count * HANDSHAKES;
    Ok(done)
}

fn connect(listener: &TcpListener, to: SocketAddr, args: &Args, payload: &[u8]) -> io::Result<()> {
    let mut client = TcpStream::connect(to)?;
    let (mut server, _) = listener.accept()?;
    let mut buffer = [0; 16 * 1024];
    // In pieces that fit into the socket: nobody reads meanwhile.
    for piece in payload.chunks(buffer.len()) {
        client.write_all(piece)?;
        server.read_exact(&mut buffer[..piece.len()])?;
    }
    if args.reset {
        SockRef::from(&client).set_linger(Some(Duration::ZERO))?;
    }
    drop(client);
    match server.read(&mut buffer) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset && args.reset => Ok(()),
        end => end.map(drop),
    }
}
