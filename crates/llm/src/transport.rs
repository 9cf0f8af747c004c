//! The HTTP client of the model client.

use super::connection::TrackConnections;
use super::error::SetupError;
use super::settings::Settings;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Url};
use secrecy::ExposeSecret;
use std::net::IpAddr;
use std::sync::Once;
use std::time::Duration;

/// Unused connections that are kept for the next calls: those of 64 turns. Each takes 40 KB.
const MAX_IDLE: usize = 128;

/// Installs ring as the cryptography of TLS in this process, unless another provider is installed already. The program
/// calls it at its start, for everything that uses TLS.
pub fn install_crypto_provider() {
    static INSTALLED: Once = Once::new();
    // An error means that another one is installed.
    INSTALLED.call_once(|| _ = rustls::crypto::ring::default_provider().install_default());
}

/// A pooled client for one server.
pub(super) fn http(base: &Url, settings: &Settings) -> Result<reqwest::Client, SetupError> {
    install_crypto_provider();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("llm-classroom/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers(base, settings)?)
        // A redirect would carry the key to another server.
        .redirect(Policy::none())
        .connect_timeout(settings.connect_timeout)
        .connector_layer(TrackConnections)
        .pool_max_idle_per_host(MAX_IDLE)
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(60));
    if is_loopback(base) {
        builder = builder.no_proxy();
    }
    if base.scheme() == "http" {
        // A plain connection needs no root certificates, and a small container image may have none.
        builder = builder.tls_certs_only([]);
    } else if let Some(roots) = bundled_roots() {
        builder = builder.tls_certs_only(roots);
    }
    Ok(builder.build()?)
}

/// Mozilla's root certificates, for a machine that has none, such as a minimal container. `None` if the machine has root
/// certificates, or the environment says where they are.
fn bundled_roots() -> Option<Vec<Certificate>> {
    let is_configured = ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| std::env::var_os(name).is_some());
    if is_configured || !rustls_native_certs::load_native_certs().certs.is_empty() {
        return None;
    }
    Some(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().filter_map(|root| Certificate::from_der(root).ok()).collect())
}

fn headers(base: &Url, settings: &Settings) -> Result<HeaderMap, SetupError> {
    let secret = |text: &str| {
        let mut value = HeaderValue::from_str(text).map_err(|_| SetupError::Key)?;
        value.set_sensitive(true);
        Ok::<_, SetupError>(value)
    };
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
    if let Some(key) = settings.key.as_ref().map(|key| key.expose_secret().trim()).filter(|key| !key.is_empty()) {
        headers.insert(AUTHORIZATION, secret(&format!("Bearer {key}"))?);
        if base.host_str().is_some_and(|host| host.ends_with(".azure.com")) {
            headers.insert("api-key", secret(key)?);
        }
    }
    Ok(headers)
}

/// Whether a host is this machine. A proxy from the environment is not used for it.
fn is_loopback(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_key_goes_where_the_server_looks_for_it() {
        let with = |base: &str, key: &str| {
            headers(&url(base), &Settings { key: Some(key.into()), ..Settings::new(base, "m") })
        };
        let openai = with("https://api.openai.com/v1", " k\n").unwrap();
        assert_eq!((openai[AUTHORIZATION].as_bytes(), openai.get("api-key")), (b"Bearer k".as_slice(), None));
        assert!(openai[AUTHORIZATION].is_sensitive());
        let azure = with("https://x.openai.azure.com/openai/v1", "k").unwrap();
        assert_eq!(azure["api-key"], "k");
        assert_eq!(with("http://localhost/v1", " ").unwrap().get(AUTHORIZATION), None);
        assert!(matches!(with("http://localhost/v1", "a\nb"), Err(SetupError::Key)));
    }

    #[test]
    fn this_machine_is_recognised() {
        for host in ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(&url(&format!("http://{host}:1/v1"))), "{host}");
        }
        for host in ["example.org", "10.0.0.1", "localhost.example.org"] {
            assert!(!is_loopback(&url(&format!("http://{host}/v1"))), "{host}");
        }
    }
}
