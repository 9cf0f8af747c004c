//! HTTP requests of the checks.

use std::{error::Error as _, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
    tls::TlsInfo,
};

use crate::config::is_https;

/// How long connecting to a server may take, and its response.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(15);
/// Bytes of a response that are read at most.
const MAX_BYTES: usize = 64 * 1024;

/// A response.
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// The server's certificate, in DER.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Why there was no response.
pub(super) enum RequestError {
    /// The name is unknown.
    Name(String),
    /// Nothing listens there, or a firewall drops the connection.
    Connect(String),
    /// The TLS handshake failed: the certificate expired, or is for another name.
    Tls(String),
    /// Anything else, such as a timeout.
    Other(String),
}

impl RequestError {
    /// The system's message.
    pub(super) fn message(&self) -> &str {
        let (Self::Name(message) | Self::Connect(message) | Self::Tls(message) | Self::Other(message)) = self;
        message
    }

    fn of(error: &reqwest::Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            words = next.to_string();
            if is_tls_error(&words) {
                return Self::Tls(words);
            }
            if words.contains("lookup") || words.contains("resolve") {
                return Self::Name(words);
            }
            cause = next.source();
        }
        if error.is_connect() { Self::Connect(words) } else { Self::Other(words) }
    }
}

/// Whether a message is about a failed TLS handshake: the certificate is invalid or missing, or the server doesn't speak TLS.
fn is_tls_error(words: &str) -> bool {
    const SIGNS: [&str; 5] = ["certificate", "TLS", "tls handshake", "fatal alert", "corrupt message"];
    SIGNS.iter().any(|sign| words.contains(sign))
}

impl Reply {
    /// The program's version, if this is its response of `/health`.
    pub(super) fn version(&self) -> Option<String> {
        let health: serde_json::Value = serde_json::from_str(&self.text).ok()?;
        (health["status"] == "healthy").then(|| health["version"].as_str().map(str::to_owned)).flatten()
    }
}

/// Sends a GET request.
pub(super) async fn get(url: &str) -> Result<Reply, RequestError> {
    ask(Method::GET, url, &[]).await
}

/// Sends a GET request to this machine. Its certificate is for its public name, so any certificate is accepted.
pub(super) async fn get_here(url: &str) -> Result<Reply, RequestError> {
    read(send(client(url, true)?.get(url)).await?).await
}

/// Sends a request and reads the response.
pub(super) async fn ask(
    method: Method,
    url: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Reply, RequestError> {
    read(open(method, url, headers).await?).await
}

/// Sends a request and returns the response before its body is read.
pub(super) async fn open(
    method: Method,
    url: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Response, RequestError> {
    let named = headers.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    send(client(url, false)?.request(method, url).headers(named.collect())).await
}

async fn send(request: RequestBuilder) -> Result<Response, RequestError> {
    request.send().await.map_err(|error| RequestError::of(&error))
}

async fn read(mut response: Response) -> Result<Reply, RequestError> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let info = response.extensions().get::<TlsInfo>();
    let certificate = info.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
    let mut text = Vec::new();
    while text.len() < MAX_BYTES
        && let Some(piece) = response.chunk().await.map_err(|error| RequestError::of(&error))?
    {
        text.extend_from_slice(&piece);
    }
    Ok(Reply { status, headers, text: String::from_utf8_lossy(&text).into_owned(), certificate })
}

fn client(url: &str, accepts_any_certificate: bool) -> Result<Client, RequestError> {
    let mut builder = Client::builder()
        .user_agent(concat!("llm-classroom-doctor/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        .tls_danger_accept_invalid_certs(accepts_any_certificate)
        .no_proxy();
    builder = match is_https(url) && !accepts_any_certificate {
        true => builder.tls_info(true),
        // Skips loading root certificates, which a container may not have.
        false => builder.tls_certs_only([]),
    };
    builder.build().map_err(|error| RequestError::of(&error))
}
