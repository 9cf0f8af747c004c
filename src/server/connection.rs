//! An accepted connection, and how many there may be.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Sleep, sleep},
};

/// Files that the program opens beside connections: the database, model servers, Redis, certificates.
const OTHER_FILES: u64 = 128;

/// Connections beyond `MAX_CONNECTIONS`, which are only answered that the limit is reached.
pub(super) const REFUSALS: usize = 64;
/// How long a connection beyond the limit may stay open: long enough for a head over a slow network and for `/ready`.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(5);

/// Marks a request on a connection beyond the limit. Only the program's state is answered there.
#[derive(Debug, Clone, Copy)]
pub struct OverLimit;

/// Raises the number of files that this process may open to what the system allows it, as far as `wanted` connections
/// need it. Returns how many connections fit.
///
/// # Errors
/// When the system refuses.
pub fn fit_connections(wanted: usize) -> io::Result<usize> {
    let limit = getrlimit(Resource::Nofile);
    let others = OTHER_FILES + REFUSALS as u64;
    let needed = u64::try_from(wanted).unwrap_or(u64::MAX).saturating_add(others);
    let allowed = limit.maximum.map_or(needed, |maximum| needed.min(maximum));
    // `None` is no limit.
    let open = match limit.current {
        Some(current) if current < allowed => {
            setrlimit(Resource::Nofile, Rlimit { current: Some(allowed), maximum: limit.maximum })?;
            allowed
        }
        current => current.unwrap_or(needed),
    };
    let fit = usize::try_from(open.saturating_sub(others)).unwrap_or(usize::MAX).clamp(1, wanted.max(1));
    if fit < wanted {
        tracing::warn!(
            connections.wanted = wanted,
            connections.fit = fit,
            "MAX_CONNECTIONS is more than the system lets be opened; raise LimitNOFILE= in the unit, or ulimit -Hn"
        );
    }
    Ok(fit)
}

/// A connection that holds its place among those that may be open.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    /// When a connection beyond the limit is closed.
    deadline: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// Small pieces are sent at once.
    pub(super) fn new(stream: TcpStream, place: OwnedSemaphorePermit, is_over_limit: bool) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let deadline = is_over_limit.then(|| Box::pin(sleep(REFUSAL_TIMEOUT)));
        Ok(Self { stream, deadline, _place: place })
    }

    fn check_deadline(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let is_over = self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(context).is_ready());
        if is_over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }
}

impl AsyncRead for Connection {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.check_deadline(context)?;
        Pin::new(&mut this.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_deadline(context)?;
        Pin::new(&mut this.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.check_deadline(context)?;
        Pin::new(&mut this.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
