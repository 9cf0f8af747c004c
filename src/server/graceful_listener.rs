//! A listener that can stop accepting connections while its socket stays open. New connections then wait in the kernel's
//! queue. When systemd holds the socket, the next process accepts them.

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

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_counter!(REFUSED.0, REFUSED.1);
    metrics::counter!(REFUSED.0).increment(0);
}

/// A listener that accepts no more connections once `shut` is cancelled.
#[derive(Debug)]
pub struct GracefulListener {
    listener: TcpListener,
    shut: CancellationToken,
    /// A permit for each connection that may be open.
    places: Arc<Semaphore>,
    /// A permit for each connection beyond these, which only gets a refusal.
    refusals: Arc<Semaphore>,
}

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// The other end's address.
    pub address: SocketAddr,
    /// Whether the limit of open connections was reached when this one came.
    pub is_over_limit: bool,
}

impl GracefulListener {
    /// Wraps `listener`, which may have `connections` open at a time.
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

    /// Accepts a connection. Without a permit of either kind, new connections wait in the kernel's queue.
    async fn accept(&self) -> io::Result<(Connection, Peer)> {
        let (permit, is_refusal) = self.acquire_permit().await.map_err(io::Error::other)?;
        let (stream, address) = self.listener.accept().await?;
        // A connection may have closed in the meantime.
        let (permit, is_over_limit) = match self.places.clone().try_acquire_owned() {
            Ok(place) if is_refusal => (place, false),
            _ => (permit, is_refusal),
        };
        if is_over_limit {
            metrics::counter!(REFUSED.0).increment(1);
        }
        Ok((Connection::new(stream, permit, is_over_limit)?, Peer { address, is_over_limit }))
    }

    /// Acquires a permit for an open connection, or else one for a refusal; the bool says whether it is for a refusal.
    async fn acquire_permit(&self) -> Result<(OwnedSemaphorePermit, bool), AcquireError> {
        tokio::select! {
            biased;
            place = self.places.clone().acquire_owned() => Ok((place?, false)),
            refusal = self.refusals.clone().acquire_owned() => Ok((refusal?, true)),
        }
    }
}

impl Address for Peer {
    type Stream = Connection;
    type Listener = GracefulListener;
}

impl AddrListener<Connection, Peer> for GracefulListener {
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
