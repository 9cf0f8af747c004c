//! Metrics of requests, and the metrics page in Prometheus' text format.

use std::{net::TcpListener, time::Instant};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{Method, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use futures_util::{Stream, StreamExt};

use super::{
    AppState,
    address::{is_forwarded, peer_address},
    error::ApiError,
    host::{self, AllowedHosts},
    rate_limit::LIMITS,
};
use crate::telemetry::metrics::MetricsExporter;

const TEXT: (axum::http::HeaderName, &str) = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");

/// Registers this module's metrics. Call it once, when the recorder is installed.
pub fn describe() {
    use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
    describe_counter!("http_requests_total", "Requests by method, route (its pattern, without ids) and status");
    describe_histogram!("http_request_seconds", Unit::Seconds, "From a request to the head of its response, by route");
    describe_gauge!("streams_in_flight", "Event streams open now: followers of turns, and stateless answers");
    describe_counter!(
        "rate_limited_total",
        "Requests refused for coming too fast, by limit: learner; address (of learners known for a day), \
         address-recent (of others), anonymous (without a learner) or new-learners, each of one address"
    );
    gauge!("streams_in_flight").set(0.0);
    for limit in LIMITS {
        counter!("rate_limited_total", "limit" => limit).increment(0);
    }
}

/// Counts a stream as in flight until it is dropped: at its end, or when the client disconnects.
pub(super) struct InFlight(());

impl InFlight {
    pub(super) fn start() -> Self {
        metrics::gauge!("streams_in_flight").increment(1.0);
        Self(())
    }

    /// Returns the stream, counted as long as it exists.
    pub(super) fn count<S: Stream>(self, stream: S) -> impl Stream<Item = S::Item> {
        stream.map(move |item| {
            let _in_flight = &self;
            item
        })
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        metrics::gauge!("streams_in_flight").decrement(1.0);
    }
}

/// `GET /metrics`, for this machine only. A forwarded request comes from elsewhere, although the proxy may run here.
pub async fn metrics(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    if state.config.metrics_addr.is_some()
        || is_forwarded(&parts.headers)
        || !peer_address(&parts.extensions).is_loopback()
    {
        return Err(ApiError::NotFound);
    }
    Ok(([TEXT], state.metrics.render()).into_response())
}

/// Serves only the metrics, on a separate listener, as long as the returned future runs.
///
/// # Errors
/// The error of the operating system if the listener cannot be used.
pub fn serve(listener: TcpListener, exporter: MetricsExporter) -> std::io::Result<impl Future<Output = ()> + Send> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tracing::info!(metrics.address = %address, "metrics are served");
    let mut routes = Router::new().route("/metrics", get(async move || ([TEXT], exporter.render())));
    if address.ip().is_loopback() {
        routes = routes.layer(middleware::from_fn_with_state(AllowedHosts::local(), host::check));
    }
    Ok(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the metrics listener failed");
        }
    })
}

/// Counts requests and measures the time until the response head.
pub async fn measure(request: Request, next: Next) -> Response {
    let began = Instant::now();
    // The pattern of the route: a path with an id would be a series of its own.
    let route =
        request.extensions().get::<MatchedPath>().map_or_else(|| "none".to_owned(), |route| route.as_str().to_owned());
    // Clients can invent methods, and each would be a series of its own.
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
