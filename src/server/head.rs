//! How long a request's head may take, from its first byte to its last.
//!
//! The HTTP library knows one limit for a head being received and for a connection between two requests. Between
//! requests a proxy keeps a connection for minutes; a head that takes so long is an attack.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    response::Response,
};
use axum_server::accept::Accept;
use futures_util::{FutureExt as _, TryFutureExt as _, future::BoxFuture};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};
use tower::Service;

/// Limits the time of request heads on every connection of another acceptor.
#[derive(Debug, Clone)]
pub(super) struct HeadTimeout<A> {
    pub(super) inner: A,
    pub(super) limit: Duration,
}

/// How many heads and responses one connection has seen.
#[derive(Debug, Default)]
struct Progress {
    /// Complete heads.
    heads: AtomicU64,
    /// Finished responses.
    responses: AtomicU64,
}

impl Progress {
    fn heads(&self) -> u64 {
        self.heads.load(Ordering::Acquire)
    }

    /// Whether no response is running, so that incoming bytes can only begin a head.
    fn is_idle(&self) -> bool {
        self.heads() == self.responses.load(Ordering::Acquire)
    }
}

impl<A, I, S> Accept<I, S> for HeadTimeout<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = TimedStream<A::Stream>;
    type Service = TimedService<A::Service>;
    type Future = BoxFuture<'static, io::Result<(Self::Stream, Self::Service)>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let limit = self.limit;
        let timed = move |(stream, service)| {
            let progress = Arc::new(Progress::default());
            let stream = TimedStream { inner: stream, limit, progress: progress.clone(), deadline: None };
            (stream, TimedService { inner: service, progress })
        };
        self.inner.accept(stream, service).map_ok(timed).boxed()
    }
}

/// A connection that fails when a head takes too long.
pub(super) struct TimedStream<T> {
    inner: T,
    limit: Duration,
    progress: Arc<Progress>,
    /// The deadline of the head being received, and how many heads were complete when it began.
    deadline: Option<(Pin<Box<Sleep>>, u64)>,
}

impl<T: AsyncRead + Unpin> AsyncRead for TimedStream<T> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Some((deadline, before)) = &mut this.deadline {
            if this.progress.heads() != *before {
                this.deadline = None;
            } else if deadline.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
        }
        let filled = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        if buffer.filled().len() > filled && this.deadline.is_none() && this.progress.is_idle() {
            this.deadline = Some((Box::pin(sleep(this.limit)), this.progress.heads()));
        }
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for TimedStream<T> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

/// Counts complete heads and finished responses.
#[derive(Debug, Clone)]
pub(super) struct TimedService<S> {
    inner: S,
    progress: Arc<Progress>,
}

impl<S, B> Service<Request<B>> for TimedService<S>
where
    S: Service<Request<B>, Response = Response>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response, S::Error>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.progress.heads.fetch_add(1, Ordering::AcqRel);
        let running = Running(self.progress.clone());
        let response = self.inner.call(request);
        // The guard is dropped with the body, or with the request when its client hangs up.
        response.map_ok(|response| response.map(|body| Body::new(RunningBody { body, _running: running }))).boxed()
    }
}

/// A request from its head to the end of its response.
struct Running(Arc<Progress>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.responses.fetch_add(1, Ordering::AcqRel);
    }
}

struct RunningBody {
    body: Body,
    _running: Running,
}

impl HttpBody for RunningBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}
