//! Plain HTTP is sent on to HTTPS, and gets nothing else.

use std::{net::TcpListener, time::Duration};

use axum::{
    Router,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};

use super::connections::{self, ConnectionLimits, ShutdownHandle};

/// How long the redirect may take at the end: it's one line.
const PATIENCE: Duration = Duration::ZERO;
/// Whoever comes goes elsewhere at once.
const LIMITS: ConnectionLimits = ConnectionLimits { idle: Duration::from_secs(10), connections: 1_000 };

/// Sends whoever comes to `listener` to the same path at `base`, such as `https://class.example.kr`, until `shutdown`.
///
/// # Errors
/// When the listener can't be used.
pub async fn run(listener: TcpListener, base: String, shutdown: ShutdownHandle) -> anyhow::Result<()> {
    let router = Router::new().fallback(async move |uri: Uri| on(&base, &uri));
    connections::run(listener, router, None, LIMITS, shutdown).await
}

/// Ends the redirect.
pub async fn close(shutdown: &ShutdownHandle) {
    shutdown.close(PATIENCE).await;
}

/// Never to the host that the request names: anybody may name any.
fn on(base: &str, uri: &Uri) -> Response {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    match HeaderValue::from_str(&format!("{base}{path}")) {
        // 308 keeps the method, so that a program that posts isn't silently answered as if it had asked.
        Ok(target) if path.starts_with('/') => {
            (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, target)]).into_response()
        }
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}
