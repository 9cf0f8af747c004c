//! Connections: how much each may hold, how long it may stay, and how all of them end without a request being lost.

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::Request,
    http::{HeaderValue, header},
    middleware::{self, Next},
};
use axum_server::{
    Handle, Server,
    accept::NoDelayAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::door::{Door, Peer};

/// How much a connection may buffer: a page of ours fits, and ten thousand streams stay small.
const CONNECTION_BUFFER: usize = 16 * 1024;
/// How long both sides may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection that was just taken in gets to send its request, once nobody else is taken in.
const LAST_REQUESTS: Duration = Duration::from_millis(300);
/// How long connections get to take their last bytes once nothing runs any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The end of serving, step by step.
#[derive(Debug, Clone)]
pub struct Ending {
    handle: Handle<Peer>,
    /// Connections are closed after their next answer.
    leaving: CancellationToken,
    /// Nobody is taken in.
    shut: CancellationToken,
}

impl Ending {
    /// Nothing ends yet.
    #[must_use]
    pub fn new() -> Self {
        Self { handle: Handle::new(), leaving: CancellationToken::new(), shut: CancellationToken::new() }
    }

    /// The end is near: who keeps a connection is asked to take another one for the next request.
    pub fn announce(&self) {
        self.leaving.cancel();
    }

    /// Takes nobody in any more, lets who was taken in ask and be answered, and closes; whatever still runs after
    /// `patience` is cut off.
    pub async fn close(&self, patience: Duration) {
        self.shut.cancel();
        tokio::time::sleep(LAST_REQUESTS).await;
        self.handle.graceful_shutdown(Some(patience + CLOSE_TIMEOUT));
    }
}

impl Default for Ending {
    fn default() -> Self {
        Self::new()
    }
}

/// Serves `router` on `listener`, over TLS where that is told, until its `ending` has closed every connection. One without
/// a request is closed after `idle`.
///
/// # Errors
/// When the listener can't be used.
pub async fn run(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    idle: Duration,
    ending: Ending,
) -> anyhow::Result<()> {
    let leaving = ending.leaving;
    let router = router.layer(middleware::from_fn(move |request: Request, next: Next| {
        let leaving = leaving.clone();
        async move {
            let mut response = next.run(request).await;
            if leaving.is_cancelled() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }));
    let mut server = Server::<Peer>::from_listener(Door::new(listener, ending.shut)?)
        .handle(ending.handle)
        // Browsers speak HTTP/2 over TLS only, which mostly is a proxy's; telling the two apart would wait for the first
        // bytes without a limit.
        .http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(idle).max_buf_size(CONNECTION_BUFFER);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let plain = NoDelayAcceptor::new();
    let served = match tls {
        None => server.acceptor(plain).serve(service).await,
        Some(config) => {
            let config = RustlsConfig::from_config(config);
            let encrypted = RustlsAcceptor::new(config).handshake_timeout(HANDSHAKE_TIMEOUT).acceptor(plain);
            server.acceptor(encrypted).serve(service).await
        }
    };
    served.context("serving")
}
