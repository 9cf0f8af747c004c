//! What every request passes through on its way in and every response on its way out.

use std::{sync::Once, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};
use reqwest::Url;
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    cors::{AllowOrigin, Any, CorsLayer},
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
use crate::{config::Config, server::connection::OverLimit, telemetry::NO_TRACE};

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
        .layer(middleware::from_fn_with_state(AllowedHosts::new(config), host::check))
        .layer(middleware::from_fn(refuse_over_limit))
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
        // No other site may load what is served here as a picture or a script of its own.
        .layer(header_unless_set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"))
        .layer(middleware::from_fn(metrics::measure))
        .layer(PropagateRequestIdLayer::new(REQUEST_ID))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_request(|_: &Request, _: &Span| tracing::trace!("a request came in"))
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

/// Paths that load balancers ask, also while as many connections are open as may.
const STATE_PATHS: [&str; 2] = ["/health", "/ready"];

/// Refuses what comes on a connection beyond the limit. A balancer still learns how the program is.
async fn refuse_over_limit(request: Request, next: middleware::Next) -> Response {
    if request.extensions().get::<OverLimit>().is_some() && !STATE_PATHS.contains(&request.uri().path()) {
        return ApiError::Overloaded.into_response();
    }
    next.run(request).await
}

/// A limit on the time a request may take. Not for streams.
pub fn time_limit(config: &Config) -> TimeoutLayer {
    TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, config.request_timeout())
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

/// Calls that carry the learner's cookie come from our own pages only: by what the browser says of the page
/// (`Sec-Fetch-Site`), and where an older one doesn't, or the connection is plain, by the page's `Origin`. That has to be
/// the public address, whatever a proxy makes of `Host`, or the host that the request names.
pub fn same_site(config: &Config) -> CsrfLayer<impl Fn(ProtectionError) -> Response + Clone + use<>> {
    let origin = config.public_url().and_then(|url| origin(&url));
    let has_address = origin.is_some();
    let layer = origin.and_then(|origin| CsrfLayer::new().add_trusted_origin(&origin).ok()).unwrap_or_default();
    layer.with_rejection_response(move |error: ProtectionError| {
        if !has_address && error.kind() == ProtectionErrorKind::CrossOriginRequestFromOldBrowser {
            warn_of_rewritten_host();
        }
        ApiError::CrossSite.into_response()
    })
}

/// An address's origin as browsers write it: in lower case, without the port that its scheme has anyway.
fn origin(url: &str) -> Option<String> {
    Url::parse(url).ok().map(|url| url.origin().ascii_serialization())
}

fn warn_of_rewritten_host() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a page's request was refused because its Origin isn't the host that the request names; if a proxy in front \
             rewrites Host, set APP_BASE_URL to the public address. This is said once"
        );
    });
}

/// `no-store` for personal responses: no proxy and no cache of a shared computer keeps them.
pub fn private() -> SetResponseHeaderLayer<HeaderValue> {
    header_unless_set(header::CACHE_CONTROL, "no-store")
}

/// What the API docs show is as old as the program. Browsers keep it for an hour, so an update is seen soon.
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

/// The methods of RFC 9110 and RFC 5789, but for CONNECT, which is for proxies.
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

fn span(request: &Request) -> Span {
    let id = request_id::of(request.headers());
    let route = request.extensions().get::<MatchedPath>().map_or("-", MatchedPath::as_str);
    // Anybody can make up a method, of any words; `_OTHER` is OpenTelemetry's name for one that isn't known.
    let method = match request.method() {
        method if KNOWN_METHODS.contains(method) => method.as_str(),
        _ => "_OTHER",
    };
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
    ApiError::Internal.into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (url, written) in [
            ("https://class.example.kr", "https://class.example.kr"),
            ("HTTPS://Class.Example.KR:443/", "https://class.example.kr"),
            ("http://class.example.kr:80", "http://class.example.kr"),
            ("https://class.example.kr:8443", "https://class.example.kr:8443"),
            ("https://class.example.kr/school", "https://class.example.kr"),
            ("http://[::1]:8000", "http://[::1]:8000"),
        ] {
            assert_eq!(origin(url).as_deref(), Some(written), "{url}");
        }
        assert_eq!(origin("class.example.kr"), None);
    }
}
