//! Connections: how much each may hold, how long it may stay, and how all of them end without a request being lost.

use std::{net::TcpListener, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    extract::{ConnectInfo, Request},
    http::{HeaderValue, header},
    middleware::{self, Next},
};
use axum_server::{
    Handle, Server,
    accept::DefaultAcceptor,
    tls_rustls::{RustlsAcceptor, RustlsConfig},
};
use hyper_util::rt::TokioTimer;
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::{
    connection::OverLimit,
    graceful_listener::{GracefulListener, Peer},
    head::HeadTimeout,
};

/// How much a connection may buffer: a page of ours fits, and ten thousand streams stay small.
const CONNECTION_BUFFER: usize = 16 * 1024;
/// How long both sides may take to agree on TLS.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may take for its first request's head, and every request for its head once it begins. Slow
/// phones take a second.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection that was just accepted has to send its request, once no more are accepted.
const LAST_REQUESTS: Duration = Duration::from_millis(300);
/// How long connections get to take their last bytes once nothing runs any more.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Ends a server in steps: announce, stop accepting, close.
#[derive(Debug, Clone)]
pub struct ShutdownHandle {
    handle: Handle<Peer>,
    /// Cancelled when each connection is to close after its next response.
    leaving: CancellationToken,
    /// Cancelled when no more connections are accepted.
    shut: CancellationToken,
}

impl ShutdownHandle {
    /// A handle of a server that runs.
    #[must_use]
    pub fn new() -> Self {
        Self { handle: Handle::new(), leaving: CancellationToken::new(), shut: CancellationToken::new() }
    }

    /// Announces the shutdown: responses ask clients to open a new connection for their next request.
    pub fn announce(&self) {
        self.leaving.cancel();
    }

    /// Accepts no more connections, answers the requests of those that are open, and closes them. Cuts off what still
    /// runs after `grace`.
    pub async fn close(&self, grace: Duration) {
        self.shut.cancel();
        tokio::time::sleep(LAST_REQUESTS).await;
        self.handle.graceful_shutdown(Some(grace + CLOSE_TIMEOUT));
    }
}

impl Default for ShutdownHandle {
    fn default() -> Self {
        Self::new()
    }
}

/// The limits of a listener's connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How long one may stay between two requests.
    pub idle: Duration,
    /// How many may be open at a time. Up to [`REFUSALS`](super::connection) more are only answered that the limit is reached.
    pub connections: usize,
}

/// Serves `router` on `listener`, over TLS if `tls` is given, until `shutdown` has closed every connection.
///
/// # Errors
/// When the listener can't be used.
pub async fn run(
    listener: TcpListener,
    router: Router,
    tls: Option<Arc<ServerConfig>>,
    limits: ConnectionLimits,
    shutdown: ShutdownHandle,
) -> anyhow::Result<()> {
    let leaving = shutdown.leaving;
    let router = router.layer(middleware::from_fn(move |mut request: Request, next: Next| {
        let leaving = leaving.clone();
        let peer = request.extensions_mut().remove::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
        if let Some(Peer { address, .. }) = peer {
            request.extensions_mut().insert(ConnectInfo(address));
        }
        let is_over_limit = peer.is_some_and(|peer| peer.is_over_limit);
        if is_over_limit {
            request.extensions_mut().insert(OverLimit);
        }
        async move {
            let mut response = next.run(request).await;
            if is_over_limit || leaving.is_cancelled() {
                response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            response
        }
    }));
    let mut server = Server::<Peer>::from_listener(GracefulListener::new(listener, shutdown.shut, limits.connections)?)
        .handle(shutdown.handle)
        // Browsers speak HTTP/2 over TLS only, which mostly is a proxy's; detecting the version would wait for the first
        // bytes without a limit.
        .http1_only()
        .first_request_timeout(HEAD_TIMEOUT)
        .accept_error_handler(|_, error| tracing::debug!(%error, "a connection was not accepted"));
    server
        .http_builder()
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle)
        .max_buf_size(CONNECTION_BUFFER);
    let service = router.into_make_service_with_connect_info::<Peer>();
    let plain = DefaultAcceptor::new();
    let limit = HEAD_TIMEOUT;
    let served = match tls {
        None => server.acceptor(HeadTimeout { inner: plain, limit }).serve(service).await,
        Some(config) => {
            let config = RustlsConfig::from_config(config);
            let encrypted = RustlsAcceptor::new(config).handshake_timeout(HANDSHAKE_TIMEOUT).acceptor(plain);
            server.acceptor(HeadTimeout { inner: encrypted, limit }).serve(service).await
        }
    };
    served.context("serving")
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::{Extension, routing::get};
    use futures_util::stream;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::Instant,
    };

    use super::{super::connection::REFUSALS, *};

    const WHOLE: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    const IDLE: Duration = Duration::from_secs(180);

    /// A client of a server that serves on the virtual clock, which advances whenever every task waits.
    async fn connected(connections: usize) -> (TcpStream, SocketAddr) {
        let slow = || {
            let pieces = stream::unfold(0, async |n| {
                tokio::time::sleep(Duration::from_secs(20)).await;
                (n < 3).then(|| (Ok::<_, std::io::Error>("piece"), n + 1))
            });
            async { axum::body::Body::from_stream(pieces) }
        };
        connected_to(Router::new().route("/", get(async || "hello")).route("/slow", get(slow)), connections).await
    }

    async fn connected_to(router: Router, connections: usize) -> (TcpStream, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let limits = ConnectionLimits { idle: IDLE, connections };
        tokio::spawn(run(listener, router, None, limits, ShutdownHandle::new()));
        (TcpStream::connect(address).await.unwrap(), address)
    }

    /// Everything received until the server closes the connection, and the seconds until then.
    async fn until_closed(client: &mut TcpStream) -> (String, u64) {
        let (began, mut received) = (Instant::now(), Vec::new());
        _ = client.read_to_end(&mut received).await;
        (String::from_utf8(received).unwrap(), began.elapsed().as_secs())
    }

    async fn until_answered(client: &mut TcpStream) {
        let mut received = Vec::new();
        while !received.ends_with(b"hello") {
            assert_ne!(client.read_buf(&mut received).await.unwrap(), 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_closed_after_the_limit_of_a_head() {
        let (mut client, _) = connected(9).await;
        let (received, after) = until_closed(&mut client).await;
        assert_eq!(received, "");
        assert!((14..=16).contains(&after), "{after}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_only_drips_in_is_cut_off_on_a_new_and_on_a_used_connection() {
        for is_used in [false, true] {
            let (mut client, _) = connected(9).await;
            if is_used {
                client.write_all(WHOLE).await.unwrap();
                until_answered(&mut client).await;
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            let began = Instant::now();
            let (mut read, mut write) = client.split();
            let drip = async {
                for byte in WHOLE.iter().cycle().filter(|byte| **byte != b'\n') {
                    if write.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            };
            let closed = async {
                let mut received = Vec::new();
                _ = read.read_to_end(&mut received).await;
            };
            tokio::select! {
                () = drip => {},
                () = closed => {},
            }
            let after = began.elapsed().as_secs();
            assert!((14..=17).contains(&after), "{is_used}: {after}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_between_two_requests_stays_as_long_as_a_proxy_keeps_it() {
        let (mut client, _) = connected(9).await;
        for _ in 0..3 {
            client.write_all(WHOLE).await.unwrap();
            until_answered(&mut client).await;
            tokio::time::sleep(IDLE - Duration::from_secs(10)).await;
        }
        let (_, after) = until_closed(&mut client).await;
        assert!(after <= 11, "{after}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_not_cut_off_by_what_its_reader_sends_meanwhile() {
        let (mut client, _) = connected(9).await;
        client.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP").await.unwrap();
        let (received, _) = until_closed(&mut client).await;
        assert_eq!(received.matches("piece").count(), 3, "{received}");
        assert!(received.ends_with("0\r\n\r\n"), "{received}");
    }

    /// What the program's router does on a connection beyond the limit.
    fn refusing() -> Router {
        let show = async |over: Option<Extension<OverLimit>>, ConnectInfo(peer): ConnectInfo<SocketAddr>| {
            format!("{} {}", if over.is_some() { "refused" } else { "hello" }, peer.ip())
        };
        Router::new().route("/", get(show))
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_beyond_the_limit_is_refused_closed_and_leaves_the_next_a_free_place() {
        let (mut first, address) = connected_to(refusing(), 1).await;
        first.write_all(WHOLE).await.unwrap();
        let mut received = [0; 1];
        first.read_exact(&mut received).await.unwrap();
        for _ in 0..2 * REFUSALS {
            let mut beyond = TcpStream::connect(address).await.unwrap();
            beyond.write_all(WHOLE).await.unwrap();
            let (received, _) = until_closed(&mut beyond).await;
            assert!(received.ends_with("refused 127.0.0.1") && received.contains("connection: close"), "{received}");
        }
        drop(first);
        let mut next = TcpStream::connect(address).await.unwrap();
        loop {
            next.write_all(WHOLE).await.unwrap();
            let mut received = vec![0; 4096];
            let read = next.read(&mut received).await.unwrap();
            // The server may not have seen yet that the first connection ended.
            match String::from_utf8_lossy(&received[..read]).ends_with("hello 127.0.0.1") {
                true => break,
                false => next = TcpStream::connect(address).await.unwrap(),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silent_connections_beyond_the_limit_are_closed_soon_so_that_others_are_refused() {
        let (mut first, address) = connected_to(refusing(), 1).await;
        first.write_all(WHOLE).await.unwrap();
        first.read_exact(&mut [0; 1]).await.unwrap();
        let mut silent = Vec::new();
        for _ in 0..REFUSALS {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut beyond = TcpStream::connect(address).await.unwrap();
        beyond.write_all(WHOLE).await.unwrap();
        let (received, after) = until_closed(&mut beyond).await;
        assert!(received.ends_with("refused 127.0.0.1"), "{received}");
        assert!((4..=6).contains(&after), "{after}");
    }
}
