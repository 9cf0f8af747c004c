//! Redirects plain HTTP to HTTPS.

use std::{net::TcpListener, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::connections::{self, ConnectionLimits, ShutdownHandle};

/// Grace for open requests at shutdown: none, because a redirect is answered at once.
const CLOSE_GRACE: Duration = Duration::ZERO;
/// Limits of connections that only receive a redirect.
const LIMITS: ConnectionLimits = ConnectionLimits { idle: Duration::from_secs(10), connections: 1_000 };

/// Redirects every request on `listener` to the same path at `base`, such as `https://class.example.kr`, until `shutdown`.
///
/// # Errors
/// When the listener can't be used.
pub async fn run(listener: TcpListener, base: String, shutdown: ShutdownHandle) -> anyhow::Result<()> {
    let router = Router::new().fallback(async move |uri: Uri| redirect_to(&base, &uri));
    connections::run(listener, router, None, LIMITS, shutdown).await
}

/// Ends the redirect.
pub async fn close(shutdown: &ShutdownHandle) {
    shutdown.close(CLOSE_GRACE).await;
}

/// Redirects to `base`, never to the host that the request names, because a client can name any host.
fn redirect_to(base: &str, uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match HeaderValue::from_str(&format!("{base}{path}")) {
        // 308 preserves the method: after 301 or 302 a client may repeat a POST as a GET.
        Ok(target) if path.starts_with('/') => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, target)]).into_response()
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}
