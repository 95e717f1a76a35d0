//! Questions and answers on connections that stay: nothing changes its state meanwhile, so a tracer should cost nothing.

use std::{
    io::{self, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
};

use rustix::process::{Resource, getrlimit, setrlimit};

use super::{Done, HANDSHAKES, Work};

/// Connections, all workers together.
const CONNECTIONS: usize = 1_000;
/// As in [`super::connect`].
const PER_CONNECTION: u64 = 10;
/// Bytes of a question.
const QUESTION: usize = 100;
/// Bytes of its answer.
const ANSWER: usize = 1_000;

/// A worker's share.
pub(super) fn act(work: &Work<'_>) -> io::Result<Done> {
    let share = CONNECTIONS / usize::from(work.args.threads);
    let connections = connect(share);
    work.ready.wait();
    let connections = connections?;
    let mut asked = connections.iter().cycle();
    let mut done = work.repeat(|_| asked.next().map_or(Ok(()), ask))?;
    for (client, mut server) in connections {
        drop(client);
        server.read_to_end(&mut Vec::new())?;
    }
    done.transitions += share as u64 * PER_CONNECTION;
    done.handshakes += share as u64 * HANDSHAKES;
    Ok(done)
}

fn connect(count: usize) -> io::Result<Vec<(TcpStream, TcpStream)>> {
    raise_the_limit_of_descriptors()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let connect = |_| {
        let client = TcpStream::connect(listener.local_addr()?)?;
        let (server, _) = listener.accept()?;
        for end in [&client, &server] {
            end.set_nodelay(true)?;
        }
        Ok((client, server))
    };
    (0..count).map(connect).collect()
}

fn raise_the_limit_of_descriptors() -> io::Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

fn ask((client, server): &(TcpStream, TcpStream)) -> io::Result<()> {
    let (mut client, mut server) = (client, server);
    let mut buffer = [0; ANSWER];
    client.write_all(&buffer[..QUESTION])?;
    server.read_exact(&mut buffer[..QUESTION])?;
    server.write_all(&buffer)?;
    client.read_exact(&mut buffer)
}
