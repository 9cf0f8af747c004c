//! What every request passes through on its way in and every response on its way out.

use std::time::Duration;

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, Any, CorsLayer},
    csrf::CsrfLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tracing::{Span, field::Empty};

use super::{
    AppState, metrics, problem,
    request_id::{self, REQUEST_ID},
};
use crate::{config::Config, observe::NO_TRACE};

/// Most bytes of a request's body.
pub const BODY_MAX: usize = 64 * 1024;

/// What pages may do: only what ours need, from this origin alone.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types llm-classroom";

/// For two years browsers come by HTTPS alone.
const HSTS: &str = "max-age=63072000";

/// The API docs bring styles and pictures of their own, but no script from elsewhere.
const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The layers around all routes; the first in the list is the innermost.
pub fn around(routes: Router<AppState>, config: &Config) -> Router<AppState> {
    let routes = match config.tls.is_on() {
        // Behind a proxy it's the proxy that knows whether a connection is encrypted.
        true => routes.layer(header_unless_set(header::STRICT_TRANSPORT_SECURITY, HSTS)),
        false => routes,
    };
    routes
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(problem::tell))
        .layer(CompressionLayer::new())
        .layer(header_unless_set(header::CONTENT_SECURITY_POLICY, CSP))
        .layer(header_unless_set(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_unless_set(header::X_FRAME_OPTIONS, "DENY"))
        // Only where a page is, never its path: that would bring the topic of an old address into the logs of proxies.
        .layer(header_unless_set(header::REFERRER_POLICY, "strict-origin"))
        .layer(header_unless_set(
            HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
        ))
        .layer(header_unless_set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin"))
        .layer(middleware::from_fn(metrics::measure))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(())
                .on_response(|response: &Response, took: Duration, span: &Span| {
                    span.record("http.response.status_code", i64::from(response.status().as_u16()));
                    if response.status().is_server_error() {
                        span.record("otel.status_code", "ERROR");
                    }
                    tracing::debug!(
                        http.millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                        "a request was answered"
                    );
                })
                // A 5xx is logged where it arises, with its cause.
                .on_failure(()),
        )
        .layer(SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid))
        .layer(middleware::from_fn(request_id::drop_foreign))
}

/// Answers `OPTIONS`, which is no failure: it asks what a path can do. Goes around the whole router, since axum tells
/// the methods of a path only outside all other layers.
pub async fn options(mut request: Request, next: middleware::Next) -> Response {
    let asked = request.method() == Method::OPTIONS;
    if asked && !request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        // Not a browser's question before a call from another site, for which the CORS layer takes every OPTIONS. No
        // path knows this method, so each says what it knows.
        *request.method_mut() = Method::TRACE;
    }
    let response = next.run(request).await;
    if !asked || response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let allow = response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()).unwrap_or_default();
    (StatusCode::NO_CONTENT, [(header::ALLOW, format!("{allow},OPTIONS"))]).into_response()
}

/// A limit on the time a request may take. Not for streams.
pub fn time_limit(config: &Config) -> TimeoutLayer {
    let limit = Duration::from_secs(config.request_timeout_seconds);
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, limit)
}

/// Scripts of other sites may call the stateless API, without cookies.
pub fn cors(config: &Config) -> CorsLayer {
    let layer = CorsLayer::new().allow_methods([Method::POST]).allow_headers(Any).expose_headers([REQUEST_ID]);
    if config.cors_allow_origins.iter().any(|origin| origin == "*") {
        layer.allow_origin(Any)
    } else {
        let origins = config.cors_allow_origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
        layer.allow_origin(AllowOrigin::list(origins))
    }
}

/// Calls that carry the learner's cookie come from our own pages only.
pub fn same_site(config: &Config) -> CsrfLayer {
    // Behind a proxy that rewrites Host, the public address is what Origin must match.
    config.public_url().and_then(|url| CsrfLayer::new().add_trusted_origin(&*url).ok()).unwrap_or_default()
}

/// What is one student's is kept by nobody on the way, nor in a shared computer's cache.
pub fn private() -> SetResponseHeaderLayer<HeaderValue> {
    header_unless_set(header::CACHE_CONTROL, "no-store")
}

/// The content security policy of the API docs.
pub fn docs_csp() -> SetResponseHeaderLayer<HeaderValue> {
    header_unless_set(header::CONTENT_SECURITY_POLICY, DOCS_CSP)
}

fn header_unless_set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

fn span(request: &Request) -> Span {
    let id = request_id::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    let method = request.method().as_str();
    // The two differ in their target alone, which has to be known when the program is compiled.
    macro_rules! span {
        ($target:expr) => {
            tracing::info_span!(
                target: $target,
                "request",
                otel.name = format_args!("{method} {route}"),
                otel.kind = "server",
                otel.status_code = Empty,
                request.id = id,
                http.request.method = method,
                http.route = route,
                http.response.status_code = Empty,
                learner = Empty,
                turn.id = Empty,
            )
        };
    }
    if matches!(route, "/health" | "/ready" | "/metrics") || route.starts_with("/static/") {
        span!(NO_TRACE)
    } else {
        span!(module_path!())
    }
}

/// A panic was logged where it happened, and what it says may repeat a student's words.
fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    super::error::ApiError::Internal.into_response()
}
