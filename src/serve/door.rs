//! The door through which connections come in. It can be shut while the socket stays open: who comes then waits in the
//! kernel's queue, and when systemd holds the socket, the next process of ours takes them in.

use std::{future::pending, io, net::SocketAddr, sync::Arc};

use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address};
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use super::connection::Connection;

/// A listener that takes nobody in any more once `shut` is cancelled.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    shut: CancellationToken,
    /// One for each connection that may be open.
    places: Arc<Semaphore>,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub SocketAddr);

impl Door {
    /// A door at `listener` for `connections` at a time.
    ///
    /// # Errors
    /// When the socket can't be used.
    pub fn new(listener: std::net::TcpListener, shut: CancellationToken, connections: usize) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let places = Arc::new(Semaphore::new(connections.min(Semaphore::MAX_PERMITS)));
        Ok(Self { listener: TcpListener::from_std(listener)?, shut, places })
    }
}

impl Address for Peer {
    type Stream = Connection;
    type Listener = Door;
}

impl AddrListener<Connection, Peer> for Door {
    async fn bind_to(Peer(address): Peer) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let places = Arc::new(Semaphore::new(Semaphore::MAX_PERMITS));
        Ok(Self { listener, shut: CancellationToken::new(), places })
    }

    async fn accept_stream(&self) -> io::Result<(Connection, Peer)> {
        let accept = async {
            // Who finds no place waits in the kernel's queue until a connection ends.
            let place = self.places.clone().acquire_owned().await.map_err(io::Error::other)?;
            let (stream, address) = self.listener.accept().await?;
            Ok((Connection::new(stream, place)?, Peer(address)))
        };
        tokio::select! {
            biased;
            () = self.shut.cancelled() => pending().await,
            accepted = accept => accepted,
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
