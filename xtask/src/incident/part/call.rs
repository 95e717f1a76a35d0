//! One call: a question of a fixed length, an answer of a fixed length.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, SocketAddrV4, TcpStream},
    time::Duration,
};

use socket2::{Domain, Socket, Type};

/// How long anybody waits for anything.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);
/// A question.
pub(super) const QUESTION: [u8; 180] = [b'?'; 180];
/// An answer, less than a packet.
pub(super) const ANSWER: [u8; 1200] = [b'!'; 1200];

/// Connects, from one of this host's addresses if it matters.
pub(super) fn connect(to: SocketAddrV4, from: Option<Ipv4Addr>) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if let Some(from) = from {
        socket.bind(&SocketAddrV4::new(from, 0).into())?;
    }
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    Ok(socket.into())
}

/// Asks and reads the answer.
pub(super) fn ask(mut stream: &TcpStream) -> io::Result<()> {
    stream.write_all(&QUESTION)?;
    stream.read_exact(&mut [0; ANSWER.len()])
}
