//! Resends requests that failed because the server had closed the kept-alive connection.
//!
//! A server may close a kept-alive connection at the moment a request goes out on it: llama.cpp does so after each stream.
//! Then no byte of a reply arrives. This is not a failure of the server, so the request is sent again at once on another
//! connection, and does not count as a retry. A request is not resent if a new connection breaks, or a kept-alive one
//! breaks later: the server may have processed it.

use reqwest::{RequestBuilder, Response};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tower_layer::Layer;
use tower_service::Service;

/// How often one request is sent again. The pool drops connections that it saw closed, so few broken ones are left.
const MAX_RESENDS: usize = 2;

/// A connection that was closed before the request arrived fails within a round trip. If it fails later, the server
/// accepted the request.
const RESEND_WITHIN: Duration = Duration::from_secs(2);

tokio::task_local! {
    /// Whether the request within opens a connection.
    static OPENS: Arc<AtomicBool>;
}

/// Sends the request that `build` makes. Sends it again if a kept-alive connection broke before a reply.
pub(super) async fn send(build: impl Fn() -> RequestBuilder) -> reqwest::Result<Response> {
    let mut resends = 0;
    loop {
        let sent_at = Instant::now();
        let opens = Arc::new(AtomicBool::new(false));
        match OPENS.scope(opens.clone(), build().send()).await {
            Err(error)
                if !opens.load(Ordering::Relaxed) && may_resend(resends, sent_at.elapsed()) && is_broken(&error) =>
            {
                resends += 1;
                tracing::debug!("the model server had closed a kept-alive connection; sending on another one");
            }
            outcome => return outcome,
        }
    }
}

/// Whether a request may be sent again, after this number of resends, if its connection broke after this time.
fn may_resend(resends: usize, after: Duration) -> bool {
    resends < MAX_RESENDS && after < RESEND_WITHIN
}

/// Whether the connection broke before the reply began. A reset HTTP/2 stream is a refusal of the request, not a broken
/// connection.
fn is_broken(error: &reqwest::Error) -> bool {
    if error.is_connect() || error.is_timeout() || !error.is_request() {
        return false;
    }
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<hyper::Error>()
            && (error.is_incomplete_message() || error.is_canceled() || error.is_closed())
        {
            return true;
        }
        if let Some(error) = error.downcast_ref::<std::io::Error>()
            && matches!(
                error.kind(),
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::BrokenPipe
                    | ErrorKind::NotConnected
                    | ErrorKind::UnexpectedEof
            )
        {
            return true;
        }
        cause = error.source();
    }
    false
}

/// A layer that records for [`send`] that a connection was opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct TrackConnections;

impl<S> Layer<S> for TrackConnections {
    type Service = TrackedConnector<S>;

    fn layer(&self, connector: S) -> TrackedConnector<S> {
        TrackedConnector(connector)
    }
}

/// A connector that records each call. Connecting begins in the task of the request that needs the connection.
#[derive(Debug, Clone)]
pub(super) struct TrackedConnector<S>(S);

impl<S: Service<R>, R> Service<R> for TrackedConnector<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        // Outside of `send` there is nothing to record.
        let _ = OPENS.try_with(|opens| opens.store(true, Ordering::Relaxed));
        self.0.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_the_server_worked_on_is_not_sent_again() {
        assert!(may_resend(0, Duration::from_millis(50)));
        assert!(may_resend(1, Duration::from_millis(50)));
        assert!(!may_resend(0, Duration::from_secs(100)));
        assert!(!may_resend(MAX_RESENDS, Duration::ZERO));
    }
}
