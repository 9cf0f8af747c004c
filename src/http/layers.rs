//! Layers of the router: headers, limits, logs and traces.

use std::{sync::Once, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowHeaders, AllowOrigin, Any, CorsLayer},
    csrf::{CsrfLayer, ProtectionError, ProtectionErrorKind},
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};
use tracing::{Span, field::Empty};

use super::{
    AppState,
    error::ApiError,
    host::{self, AllowedHosts},
    metrics, problem,
    request_id::{self, REQUEST_ID},
};
use crate::{
    config::{Config, origin},
    server::connection::OverLimit,
    telemetry::NO_TRACE,
};

/// The maximum size of a request body, in bytes.
pub const BODY_MAX: usize = 64 * 1024;

/// The content security policy of pages: nothing from other origins, no inline script or style.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types llm-classroom";

/// The headers of every response.
const SECURITY_HEADERS: [(HeaderName, &str); 2] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // Other sites must not embed images or scripts of this one.
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// The headers of every response but styles and scripts, for which browsers ignore them. Each file would be 500 bytes
/// longer.
const DOCUMENT_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CSP),
    (header::X_FRAME_OPTIONS, "DENY"),
    // Only the origin, not the path: an old URL contains a topic, which would reach the logs of proxies.
    (header::REFERRER_POLICY, "strict-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Browsers use only HTTPS for two years.
const HSTS: &str = "max-age=63072000";

/// The content security policy of the API docs, which have inline styles and embedded images.
const DOCS_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the layers of all routes. The first in the list is the outermost. They are added as one, because the router boxes
/// each layer that it is given, and clones all boxes for each request.
pub fn add_common(routes: Router<AppState>, config: &Config) -> Router<AppState> {
    let trace = TraceLayer::new_for_http()
        .make_span_with(request_span)
        .on_request(|_: &Request, _: &Span| tracing::trace!("a request began"))
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
        // The code that causes a 5xx logs it with the cause.
        .on_failure(());
    routes.layer((
        middleware::from_fn(request_id::remove_client_id),
        SetRequestIdLayer::new(REQUEST_ID, MakeRequestUuid),
        trace,
        PropagateRequestIdLayer::new(REQUEST_ID),
        middleware::from_fn(metrics::measure),
        middleware::from_fn_with_state(config.tls.is_on(), add_security_headers),
        middleware::from_fn(problem::write_problems),
        middleware::from_fn(refuse_over_limit),
        middleware::from_fn_with_state(AllowedHosts::new(config), host::check),
        CatchPanicLayer::custom(handle_panic),
        DefaultBodyLimit::max(BODY_MAX),
    ))
}

/// Adds the security headers that a handler has not set.
async fn add_security_headers(State(has_own_tls): State<bool>, request: Request, next: middleware::Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let is_document = !(kind.starts_with(b"text/css") || kind.starts_with(b"text/javascript"));
    for (name, value) in SECURITY_HEADERS.into_iter().chain(DOCUMENT_HEADERS.into_iter().filter(|_| is_document)) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    // Without own TLS, only the proxy knows whether the connection is encrypted.
    if has_own_tls {
        headers.entry(header::STRICT_TRANSPORT_SECURITY).or_insert(HeaderValue::from_static(HSTS));
    }
    response
}

/// Answers `OPTIONS` with 204 and the methods of the path in `Allow` (RFC 9110, section 9.3.7).
///
/// axum adds `Allow` to the response for a method without a handler, outside the layers of the router. So this middleware
/// goes around the whole router. The CORS layer answers every `OPTIONS` itself; only its answers to preflight requests stay.
pub async fn answer_options(request: Request, next: middleware::Next) -> Response {
    let is_options = request.method() == Method::OPTIONS;
    let is_preflight = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let response = next.run(request).await;
    let is_due = match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => is_options,
        status => is_options && status.is_success() && !is_preflight,
    };
    match response.headers().get(header::ALLOW).and_then(|allow| allow.to_str().ok()) {
        Some(allow) if is_due => {
            (StatusCode::NO_CONTENT, [(header::ALLOW, format!("{allow},OPTIONS"))]).into_response()
        }
        _ => response,
    }
}

/// Paths for load balancers, answered also on connections beyond the limit.
const HEALTH_PATHS: [&str; 2] = ["/health", "/ready"];

/// Refuses requests on connections beyond the limit.
async fn refuse_over_limit(request: Request, next: middleware::Next) -> Response {
    if request.extensions().get::<OverLimit>().is_some() && !HEALTH_PATHS.contains(&request.uri().path()) {
        return ApiError::Overloaded.into_response();
    }
    next.run(request).await
}

/// Compression and the time limit of a request. Streams have neither: the state of a compressor would take 6 KB for each.
pub fn whole_response(config: &Config) -> (CompressionLayer, TimeoutLayer) {
    let limit = TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, config.request_timeout());
    (CompressionLayer::new(), limit)
}

/// Allows scripts of other sites to call the stateless API without cookies.
pub fn cors(config: &Config) -> CorsLayer {
    // `*` doesn't stand for `Authorization` (Fetch standard, CORS-non-wildcard request-header name).
    let headers = AllowHeaders::mirror_request();
    let layer = CorsLayer::new().allow_methods([Method::POST]).allow_headers(headers).expose_headers([REQUEST_ID]);
    if config.cors_allow_origins.iter().any(|origin| origin == "*") {
        layer.allow_origin(Any)
    } else {
        let origins = config.cors_allow_origins.iter().filter_map(|url| HeaderValue::try_from(origin(url)?).ok());
        layer.allow_origin(AllowOrigin::list(origins))
    }
}

/// Refuses requests from pages of other sites, which the browser would send with the learner's cookie.
///
/// `Sec-Fetch-Site` is decisive. Older browsers, and all browsers without TLS, do not send it; then `Origin` must be the
/// public address or match `Host`. The public address also helps behind a proxy that rewrites `Host`.
pub fn same_site(config: &Config) -> CsrfLayer<impl Fn(ProtectionError) -> Response + Clone + use<>> {
    let origin = config.public_url().and_then(|url| origin(&url));
    let has_public_url = origin.is_some();
    let layer = origin.and_then(|origin| CsrfLayer::new().add_trusted_origin(&origin).ok()).unwrap_or_default();
    layer.with_rejection_response(move |error: ProtectionError| {
        if !has_public_url && error.kind() == ProtectionErrorKind::CrossOriginRequestFromOldBrowser {
            warn_of_rewritten_host();
        }
        ApiError::CrossSite.into_response()
    })
}

fn warn_of_rewritten_host() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a request of a page was refused because its Origin differs from the Host header; if a proxy in front \
             rewrites Host, set APP_BASE_URL to the public address. This is logged once"
        );
    });
}

/// `no-store` for personal responses.
pub fn no_store() -> SetResponseHeaderLayer<HeaderValue> {
    header_unless_set(header::CACHE_CONTROL, "no-store")
}

/// Browsers cache the API docs for an hour, so that they soon show an update.
pub fn docs_cache() -> SetResponseHeaderLayer<HeaderValue> {
    header_unless_set(header::CACHE_CONTROL, "public, max-age=3600")
}

/// The content security policy of the API docs.
pub fn docs_csp() -> SetResponseHeaderLayer<HeaderValue> {
    header_unless_set(header::CONTENT_SECURITY_POLICY, DOCS_CSP)
}

fn header_unless_set(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// The methods of RFC 9110 and RFC 5789 except CONNECT, which only proxies use.
const KNOWN_METHODS: [Method; 8] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::DELETE,
    Method::OPTIONS,
    Method::TRACE,
    Method::PATCH,
];

fn request_span(request: &Request) -> Span {
    let id = request_id::from_headers(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    // Clients can invent methods. OpenTelemetry calls an unknown one `_OTHER`.
    let method = match request.method() {
        method if KNOWN_METHODS.contains(method) => method.as_str(),
        _ => "_OTHER",
    };
    // The two spans differ only in their target, which must be a constant.
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

/// Answers a request whose handler panicked. The panic hook has logged it; the message may contain a student's text.
fn handle_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    ApiError::Internal.into_response()
}
