//! The program's figures, in Prometheus' text format.

use std::{net::SocketAddr, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use metrics_exporter_prometheus::PrometheusHandle;

use super::{AppState, address::peer, error::ApiError};

const TEXT: (axum::http::HeaderName, &str) = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");

/// Tells the figures to this machine only. A request that a proxy passed on comes from elsewhere, whoever connects.
pub async fn show(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let forwarded = ["forwarded", "x-forwarded-for", "x-real-ip"].iter().any(|name| parts.headers.contains_key(*name));
    if state.config.metrics_addr.is_some() || forwarded || !peer(&parts).is_loopback() {
        return Err(ApiError::NotFound);
    }
    Ok(([TEXT], state.metrics.render()).into_response())
}

/// Serves the figures, and nothing else, on a listener of their own.
///
/// # Errors
/// When the address can't be listened on.
pub async fn serve(address: SocketAddr, handle: PrometheusHandle) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    tracing::info!(metrics.address = %listener.local_addr()?, "metrics are served");
    let routes = Router::new().route("/metrics", get(async move || ([TEXT], handle.render())));
    axum::serve(listener, routes).await
}

/// Counts requests and measures the time to their response's head.
pub async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    // The route's pattern, not the path: ids would make a series each.
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    // Anybody can make up methods; each would be a series for good.
    let method = match *request.method() {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    };
    let response = next.run(request).await;
    let status = response.status().as_u16().to_string();
    metrics::counter!("http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route).record(began.elapsed());
    response
}
