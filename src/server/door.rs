//! The door through which connections come in. It can be shut while the socket stays open: who comes then waits in the
//! kernel's queue, and when systemd holds the socket, the next process of ours takes them in.

use std::{future::pending, io, net::SocketAddr, sync::Arc};

use axum::extract::connect_info::Connected;
use axum_server::{AddrListener, Address};
use tokio::{
    net::TcpListener,
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
};
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, REFUSALS};

const REFUSED: (&str, &str) =
    ("connections_refused_total", "Connections beyond MAX_CONNECTIONS, which were only told that there is no room");

/// Describes this module's figures; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_counter!(REFUSED.0, REFUSED.1);
    metrics::counter!(REFUSED.0).increment(0);
}

/// A listener that takes nobody in any more once `shut` is cancelled.
#[derive(Debug)]
pub struct Door {
    listener: TcpListener,
    shut: CancellationToken,
    /// One for each connection that may be open.
    places: Arc<Semaphore>,
    /// One for each connection beyond them, on which the program only says that there is no room.
    refusals: Arc<Semaphore>,
}

/// Who is at the other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The other end's address.
    pub address: SocketAddr,
    /// As many connections as may be were open when this one came.
    pub is_over_limit: bool,
}

impl Door {
    /// A door at `listener` for `connections` at a time.
    ///
    /// # Errors
    /// When the socket can't be used.
    pub fn new(listener: std::net::TcpListener, shut: CancellationToken, connections: usize) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        Ok(Self::with_limit(TcpListener::from_std(listener)?, shut, connections))
    }

    fn with_limit(listener: TcpListener, shut: CancellationToken, connections: usize) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.min(Semaphore::MAX_PERMITS)));
        Self { listener, shut, places: semaphore(connections), refusals: semaphore(REFUSALS) }
    }

    /// Accepts a connection. When both kinds are used up, those who come wait in the kernel's queue.
    async fn accept(&self) -> io::Result<(Connection, Peer)> {
        let (room, is_refusal) = self.room().await.map_err(io::Error::other)?;
        let (stream, address) = self.listener.accept().await?;
        // A place may have become free while nobody came.
        let (room, is_over_limit) = match self.places.clone().try_acquire_owned() {
            Ok(place) if is_refusal => (place, false),
            _ => (room, is_refusal),
        };
        if is_over_limit {
            metrics::counter!(REFUSED.0).increment(1);
        }
        Ok((Connection::new(stream, room, is_over_limit)?, Peer { address, is_over_limit }))
    }

    /// A place, or else a permit to refuse, and which of them it is.
    async fn room(&self) -> Result<(OwnedSemaphorePermit, bool), AcquireError> {
        tokio::select! {
            biased;
            place = self.places.clone().acquire_owned() => Ok((place?, false)),
            refusal = self.refusals.clone().acquire_owned() => Ok((refusal?, true)),
        }
    }
}

impl Address for Peer {
    type Stream = Connection;
    type Listener = Door;
}

impl AddrListener<Connection, Peer> for Door {
    async fn bind_to(peer: Peer) -> io::Result<Self> {
        let listener = TcpListener::bind(peer.address).await?;
        Ok(Self::with_limit(listener, CancellationToken::new(), usize::MAX))
    }

    async fn accept_stream(&self) -> io::Result<(Connection, Peer)> {
        tokio::select! {
            biased;
            () = self.shut.cancelled() => pending().await,
            accepted = self.accept() => accepted,
        }
    }

    fn get_local_addr(&self) -> io::Result<Peer> {
        self.listener.local_addr().map(|address| Peer { address, is_over_limit: false })
    }
}

impl Connected<Self> for Peer {
    fn connect_info(peer: Self) -> Self {
        peer
    }
}
