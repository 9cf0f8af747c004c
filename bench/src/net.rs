//! Sockets on this machine, and how many of them a process may open.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that wait to be accepted: a whole school that comes at once.
const BACKLOG: u32 = 16_384;

/// Client ports of one source address that are used at most; Linux has 28,232 by default.
const PORTS_PER_ADDRESS: usize = 20_000;

/// Listens on an address of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Connects without Nagle's delay. Clients with high numbers come from further addresses of this machine, because one has
/// too few ports.
pub async fn connect(address: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    let source = u8::try_from(number / PORTS_PER_ADDRESS + 1).map_err(io::Error::other)?;
    if source > 1 {
        socket.bind((Ipv4Addr::new(127, 0, 0, source), 0).into())?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// A port that was free a moment ago.
pub fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Lets this process and those it starts open as many files as the system allows.
pub fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    // More than the hard limit is granted to root only.
    for wanted in [Some(262_144), limit.maximum] {
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: wanted }).is_ok() {
            break;
        }
    }
}

/// How many files this process may open.
pub fn open_files() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
