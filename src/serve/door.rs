//! The door through which connections come in. It can be shut while the socket stays open: who comes then waits in the
//! kernel's queue, and when systemd holds the socket, the next process of ours takes them in.

use std::{future::pending, io, net::SocketAddr};

use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// A listener that takes nobody in any more once `shut` is cancelled.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    shut: CancellationToken,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Door {
    /// A door at `listener`.
    ///
    /// # Errors
    /// When the socket can't be used.
    pub fn new(listener: std::net::TcpListener, shut: CancellationToken) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self { listener: TcpListener::from_std(listener)?, shut })
    }
}

impl Address for Peer {
    type Stream = TcpStream;
    type Listener = Door;
}

impl AddrListener<TcpStream, Peer> for Door {
    async fn bind_to(Peer(address): Peer) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(address).await?, shut: CancellationToken::new() })
    }

    async fn accept_stream(&self) -> io::Result<(TcpStream, Peer)> {
        tokio::select! {
            biased;
            () = self.shut.cancelled() => pending().await,
            accepted = self.listener.accept() => accepted.map(|(stream, address)| (stream, Peer(address))),
        }
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        self.listener.local_addr().map(Peer)
    }
}

impl Connected<Peer> for SocketAddr {
    fn connect_info(Peer(address): Peer) -> Self {
        address
    }
}
