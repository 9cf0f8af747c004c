//! Under which names the program answers.
//!
//! A page of another site can make its own name point at this machine (DNS rebinding), and a browser then takes what
//! the program answers for that site's own. Browsers say in `Host` which name they asked for, so a name that isn't ours
//! gets nothing. A number can't be made to point elsewhere, so every address is allowed.

use std::{
    net::IpAddr,
    sync::{Arc, Once},
};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Uri, Version, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::IpNet;

use super::{
    address::{X_FORWARDED_FOR, is_in, peer_of},
    error::ApiError,
};
use crate::config::Config;

/// Load balancers ask here by whatever name or address they know, and learn only that the program lives.
const ANY_HOST: &str = "/health";

/// Marks a request that a trusted proxy passed on under a name that isn't ours. It gets what strangers get and no more:
/// where the proxy runs on this machine, a page that made its name point here can write the proxy's headers itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnknownName;

/// The names under which the program answers.
#[derive(Debug, Clone)]
pub struct AllowedHosts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    names: Vec<String>,
    /// Whether every name is allowed.
    any: bool,
    /// Proxies, which may rewrite the name. See [`UnknownName`].
    proxies: Vec<IpNet>,
}

impl AllowedHosts {
    /// The names in the settings (`APP_BASE_URL`, `TLS_DOMAIN`, `ALLOWED_HOSTS`) and this machine's own.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let public = config.public_url().and_then(|url| url.parse::<Uri>().ok()?.host().map(str::to_owned));
        let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
        let local = format!("{machine}.local");
        let settings = config.tls.tls_domain.iter().chain(&config.allowed_hosts).cloned();
        let names =
            settings.chain(public).chain([machine, local]).map(|name| name.trim().to_ascii_lowercase()).collect();
        let any = config.allowed_hosts.iter().any(|name| name.trim() == "*");
        Self(Arc::new(Inner { names, any, proxies: config.trusted_proxies.clone() }))
    }

    /// This machine's names alone, for a listener that only it can reach.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self(Arc::new(Inner { names: Vec::new(), any: false, proxies: Vec::new() }))
    }

    fn allows(&self, host: &Authority) -> bool {
        let name = host.host().to_ascii_lowercase();
        // A name may end with the root's dot.
        let name = name.strip_suffix('.').unwrap_or(&name);
        let number = name.trim_start_matches('[').trim_end_matches(']');
        // Browsers never ask a name server for localhost (RFC 6761, section 6.3).
        number.parse::<IpAddr>().is_ok()
            || name == "localhost"
            || name.ends_with(".localhost")
            || self.0.any
            || self.0.names.iter().any(|own| own == name)
    }

    /// Whether the request names us; one that a trusted proxy passed on need not.
    fn check(&self, request: &Request) -> Result<bool, ApiError> {
        let headers = request.headers();
        let named = host(headers, request.version())?;
        let asked = request.uri().authority();
        let is_proxied = headers.contains_key(X_FORWARDED_FOR) && is_in(&self.0.proxies, peer_of(request.extensions()));
        let names_us = named.iter().chain(asked).all(|host| self.allows(host));
        if names_us || is_proxied {
            return Ok(names_us);
        }
        warn_of_foreign_host();
        Err(ApiError::UnknownHost)
    }
}

/// The one host that the header names. HTTP/1.0 may come without.
fn host(headers: &HeaderMap, version: Version) -> Result<Option<Authority>, ApiError> {
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

/// Whether what follows the name is a port, an empty one or nothing.
fn has_valid_port(host: &Authority) -> bool {
    let after_name = host.as_str().strip_prefix(host.host()).unwrap_or_default();
    after_name.strip_prefix(':').map_or(after_name.is_empty(), |port| port.is_empty() || port.parse::<u16>().is_ok())
}

/// The value stays out of the log: anybody may send anything.
fn warn_of_foreign_host() {
    static WARNED: Once = Once::new();
    WARNED.call_once(|| {
        tracing::warn!(
            "a request for a host name that isn't ours was refused; if the name is yours, set APP_BASE_URL to the public \
             address, or add the name to ALLOWED_HOSTS. This is said once"
        );
    });
}

/// Refuses requests that name no host, several, or one that isn't ours (RFC 9110, sections 7.2 and 15.5.20).
pub async fn check(State(hosts): State<AllowedHosts>, mut request: Request, next: Next) -> Response {
    if request.uri().path() != ANY_HOST {
        match hosts.check(&request) {
            Ok(true) => {}
            Ok(false) => {
                request.extensions_mut().insert(UnknownName);
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

    fn status(uri: &str, hosts_named: &[&str]) -> u16 {
        let mut request = Request::builder().uri(uri);
        for host in hosts_named {
            request = request.header("host", *host);
        }
        hosts().check(&request.body(Body::empty()).unwrap()).map_or_else(|error| error.status().as_u16(), |_| 200)
    }

    #[test]
    fn our_names_and_every_number_are_ours() {
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
    fn every_other_name_is_foreign() {
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
    fn no_host_several_or_none_that_can_be_one_is_a_bad_request() {
        for named in [
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
            assert_eq!(status("/", named), 400, "{named:?}");
        }
    }
}
