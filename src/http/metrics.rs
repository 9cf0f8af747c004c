//! The program's metrics, in Prometheus' text format.

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
    address::{is_forwarded, peer},
    error::ApiError,
    host::{self, AllowedHosts},
    rate_limit::LIMITS,
};
use crate::telemetry::metrics::MetricsExporter;

const TEXT: (axum::http::HeaderName, &str) = (CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");

/// Describes this module's metrics; call once, when the recorder is installed.
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

/// A stream that is in flight until it's dropped, which happens when it has ended and when its reader hangs up.
pub(super) struct InFlight(());

impl InFlight {
    pub(super) fn begin() -> Self {
        metrics::gauge!("streams_in_flight").increment(1.0);
        Self(())
    }

    /// The same stream, in flight as long as it lives.
    pub(super) fn hold<S: Stream>(self, stream: S) -> impl Stream<Item = S::Item> {
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

/// Serves the metrics to this machine only. A request that a proxy passed on comes from elsewhere, whoever connects.
pub async fn show(State(state): State<AppState>, request: Request) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    if state.config.metrics_addr.is_some() || is_forwarded(&parts.headers) || !peer(&parts).is_loopback() {
        return Err(ApiError::NotFound);
    }
    Ok(([TEXT], state.metrics.render()).into_response())
}

/// Serves the metrics, and nothing else, on a listener of their own, for as long as the returned future runs.
///
/// # Errors
/// When the listener can't be used.
pub fn serve(listener: TcpListener, exporter: MetricsExporter) -> std::io::Result<impl Future<Output = ()> + Send> {
    let address = listener.local_addr()?;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    tracing::info!(metrics.address = %address, "metrics are served");
    let mut routes = Router::new().route("/metrics", get(async move || ([TEXT], exporter.render())));
    if address.ip().is_loopback() {
        routes = routes.layer(middleware::from_fn_with_state(AllowedHosts::of_this_machine(), host::check));
    }
    Ok(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "metrics are not served any more");
        }
    })
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
