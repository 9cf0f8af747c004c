//! Tells whether a call opened a connection of its own or used one that was kept open after an earlier call.
//!
//! A server may close a kept connection at the moment a request is written to it. That says nothing about the server's
//! health, so such a request is sent again at once.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tower::{Layer, Service};

tokio::task_local! {
    /// Set when the call within opens a connection.
    static HAS_CONNECTED: Arc<AtomicBool>;
}

/// Runs `call`. The second value says whether it used a kept connection alone.
pub(super) async fn with_reuse<T>(call: impl Future<Output = T>) -> (T, bool) {
    let has_connected = Arc::new(AtomicBool::new(false));
    let outcome = HAS_CONNECTED.scope(has_connected.clone(), call).await;
    (outcome, !has_connected.load(Ordering::Relaxed))
}

/// Notes each new connection for the call that asked for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoteConnections;

impl<S> Layer<S> for NoteConnections {
    type Service = NotedConnector<S>;

    fn layer(&self, connector: S) -> NotedConnector<S> {
        NotedConnector(connector)
    }
}

/// A connector that notes what it is asked for.
#[derive(Debug, Clone)]
pub(super) struct NotedConnector<S>(S);

impl<S: Service<Target>, Target> Service<Target> for NotedConnector<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: Target) -> S::Future {
        let _ = HAS_CONNECTED.try_with(|has_connected| has_connected.store(true, Ordering::Relaxed));
        self.0.call(target)
    }
}
