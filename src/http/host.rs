//! The host names that the program answers to.
//!
//! The operator of another site can let its name resolve to this machine (DNS rebinding). A browser then treats the
//! responses of this program as that site's own. Browsers send the name in `Host`, so requests to unknown names are
//! refused. IP addresses do not go through DNS, so all of them are allowed.

use std::{
    net::IpAddr,
    sync::{Arc, Once},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;
use url::Url;

use super::{
    address::{X_FORWARDED_FOR, is_in, peer_address},
    error::ApiError,
};
use crate::{
    config::{Config, normalize_host},
    host_name::host_name,
};

/// The path for load balancers, which may use any name. It reveals only that the program runs.
const PATH_FOR_ANY_HOST: &str = "/health";

/// Marks a request that a trusted proxy forwarded under an unknown host name. It counts as a request of an unknown client:
/// if the proxy runs on this machine, a page that uses DNS rebinding can send the proxy's headers itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnknownHost;

/// The host names that the program answers to.
#[derive(Debug, Clone)]
pub struct AllowedHosts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    names: Vec<String>,
    /// Whether every name is allowed.
    any: bool,
    /// Trusted proxies, which may rewrite the name. See [`UnknownHost`].
    proxies: Vec<IpNet>,
}

impl AllowedHosts {
    /// The names in the settings `APP_BASE_URL`, `TLS_DOMAIN` and `ALLOWED_HOSTS`, and this machine's name.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let public = config.public_url().and_then(|url| Url::parse(&url).ok()?.host_str().map(str::to_owned));
        let machine = host_name().to_owned();
        let local = format!("{machine}.local");
        let settings = config.tls.tls_domain.iter().chain(&config.allowed_hosts).cloned();
        let names = settings.chain(public).chain([machine, local]).map(|name| normalize(name.trim())).collect();
        let any = config.allowed_hosts.iter().any(|name| name.trim() == "*");
        Self(Arc::new(Inner { names, any, proxies: config.trusted_proxies.clone() }))
    }

    /// Only `localhost` and IP addresses, for a listener that only this machine can reach.
    #[must_use]
    pub fn local() -> Self {
        Self(Arc::new(Inner { names: Vec::new(), any: false, proxies: Vec::new() }))
    }

    fn allows(&self, host: &Authority) -> bool {
        let name = host.host().to_ascii_lowercase();
        // A fully qualified name may end with a dot.
        let name = name.strip_suffix('.').unwrap_or(&name);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        // Browsers never resolve localhost through DNS (RFC 6761, section 6.3).
        address.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.any
            || self.0.names.iter().any(|own| own == name)
    }

    /// Whether all host names of the request are known. A request that a trusted proxy forwarded may have an unknown one.
    fn check(&self, request: &Request) -> Result<bool, ApiError> {
        let headers = request.headers();
        let host = parse_host(headers, request.version())?;
        let target = request.uri().authority();
        let is_proxied =
            headers.contains_key(X_FORWARDED_FOR) && is_in(&self.0.proxies, peer_address(request.extensions()));
        let is_known = host.iter().chain(target).all(|name| self.allows(name));
        if is_known || is_proxied {
            return Ok(is_known);
        }
        warn_of_unknown_host();
        Err(ApiError::UnknownHost)
    }
}

/// The name as browsers send it. The machine's own name may have a form that browsers never send.
fn normalize(name: &str) -> String {
    normalize_host(name).unwrap_or_else(|| name.to_ascii_lowercase())
}

/// The host in the `Host` header. A request in HTTP/1.0 may lack the header.
fn parse_host(headers: &HeaderMap, version: Version) -> Result<Option<Authority>, ApiError> {
    let mut values = headers.get_all(header::HOST).iter();
    match (values.next(), values.next()) {
        (None, _) if version < Version::HTTP_11 => Ok(None),
        (Some(value), None) => match Authority::try_from(value.as_bytes()) {
            Ok(host) if !host.as_str().contains('@') && has_valid_port(&host) => Ok(Some(host)),
            _ => Err(ApiError::BadHost),
        },
        _ => Err(ApiError::BadHost),
    }
}

/// Whether the name is followed by nothing, by a port, or by a colon alone.
fn has_valid_port(host: &Authority) -> bool {
    let after_name = host.as_str().strip_prefix(host.host()).unwrap_or_default();
    after_name.strip_prefix(':').map_or(after_name.is_empty(), |port| port.is_empty() || port.parse::<u16>().is_ok())
}

/// Warns once per process. The name is not logged, because clients choose it.
fn warn_of_unknown_host() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a request for an unknown host name was refused; if the name is yours, set APP_BASE_URL to the public \
             address, or add the name to ALLOWED_HOSTS. This is logged once"
        );
    });
}

/// Refuses requests without a host, with several, and with an unknown one (RFC 9110, sections 7.2 and 15.5.20).
pub async fn check(State(hosts): State<AllowedHosts>, mut request: Request, next: Next) -> Response {
    if request.uri().path() != PATH_FOR_ANY_HOST {
        match hosts.check(&request) {
            Ok(true) => {}
            Ok(false) => {
                request.extensions_mut().insert(UnknownHost);
            }
            Err(error) => return error.into_response(),
        }
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn hosts() -> AllowedHosts {
        let names = vec!["class.example.kr".to_owned()];
        AllowedHosts(Arc::new(Inner { names, any: false, proxies: Vec::new() }))
    }

    fn status(uri: &str, host_headers: &[&str]) -> u16 {
        let mut request = Request::builder().uri(uri);
        for host in host_headers {
            request = request.header("host", *host);
        }
        hosts().check(&request.body(Body::empty()).unwrap()).map_or_else(|error| error.status().as_u16(), |_| 200)
    }

    #[test]
    fn known_names_and_every_ip_address_are_allowed() {
        for host in [
            "class.example.kr",
            "CLASS.example.KR",
            "class.example.kr.",
            "class.example.kr:443",
            "class.example.kr:8000",
            "class.example.kr:",
            "Class.Example.kr.:8000",
            "localhost",
            "localhost:8000",
            "a.localhost:1",
            "127.0.0.1:8000",
            "192.168.0.7",
            "[::1]:8000",
            "[2001:db8::1]",
        ] {
            assert_eq!(status("/", &[host]), 200, "{host}");
        }
    }

    #[test]
    fn every_other_name_is_refused() {
        for host in [
            "evil.example",
            "class.example.kr.evil.example",
            "evilclass.example.kr",
            "example.kr",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "127.1.evil",
            "x",
            "class.example.kr..",
            "2130706433",
            "0x7f.1",
            "127.1",
        ] {
            assert_eq!(status("/", &[host]), 421, "{host}");
        }
        assert_eq!(status("http://evil.example/", &["class.example.kr"]), 421);
        assert_eq!(status("http://class.example.kr/", &["evil.example"]), 421);
        assert_eq!(status("http://class.example.kr/", &["class.example.kr"]), 200);
    }

    #[test]
    fn a_missing_repeated_or_malformed_host_is_a_bad_request() {
        for hosts in [
            &[][..],
            &[""],
            &["class.example.kr", "class.example.kr"],
            &["class.example.kr", "evil.example"],
            &["user@class.example.kr"],
            &["class.example.kr/x"],
            &["class.example.kr, evil.example"],
            &["class example"],
            &["[::1"],
            &["class.example.kr:port"],
            &["class.example.kr:99999"],
            &["class.example.kr:80:80"],
            &["[::1]:x"],
        ] {
            assert_eq!(status("/", hosts), 400, "{hosts:?}");
        }
    }
}
