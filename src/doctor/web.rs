//! Requests as a browser would make them.

use std::{error::Error as _, time::Duration};

use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{HeaderMap, HeaderName, HeaderValue},
    redirect::Policy,
    tls::TlsInfo,
};

/// How long a server may take to be reached, and to answer.
const CONNECT: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(15);
/// Most bytes that are read of an answer.
const MOST: usize = 64 * 1024;

/// What a server answered.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) text: String,
    /// The certificate it showed, in DER.
    pub(super) certificate: Option<Vec<u8>>,
}

/// Why there was no answer.
pub(super) enum Trouble {
    /// The name is unknown.
    Name(String),
    /// Nobody listens there, or something is in the way.
    Connect(String),
    /// TLS was not agreed: the certificate ran out, or is for another name.
    Tls(String),
    /// Anything else, such as silence.
    Other(String),
}

impl Trouble {
    /// The system's own words.
    pub(super) fn words(&self) -> &str {
        let (Self::Name(words) | Self::Connect(words) | Self::Tls(words) | Self::Other(words)) = self;
        words
    }

    fn of(error: &reqwest::Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(next) = cause {
            words = next.to_string();
            if is_of_tls(&words) {
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

/// Whether TLS was not agreed: the certificate is not good, there is none yet, or the other side speaks no TLS.
fn is_of_tls(words: &str) -> bool {
    const SIGNS: [&str; 5] = ["certificate", "TLS", "tls handshake", "fatal alert", "corrupt message"];
    SIGNS.iter().any(|sign| words.contains(sign))
}

impl Answer {
    /// The program's version, if it's the program that answered `/health`.
    pub(super) fn version(&self) -> Option<String> {
        let health: serde_json::Value = serde_json::from_str(&self.text).ok()?;
        (health["status"] == "healthy").then(|| health["version"].as_str().map(str::to_owned)).flatten()
    }
}

/// Asks for a page.
pub(super) async fn get(url: &str) -> Result<Answer, Trouble> {
    ask(Method::GET, url, &[]).await
}

/// Asks the server on this machine for a page. Its certificate is for its public name, so any is good enough.
pub(super) async fn get_here(url: &str) -> Result<Answer, Trouble> {
    read(send(client(url, true)?.get(url)).await?).await
}

/// Sends a request with these headers.
pub(super) async fn ask(
    method: Method,
    url: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Answer, Trouble> {
    read(open(method, url, headers).await?).await
}

/// Sends a request, and gives the response as it begins.
pub(super) async fn open(
    method: Method,
    url: &str,
    headers: &[(&'static str, &'static str)],
) -> Result<Response, Trouble> {
    let named = headers.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    send(client(url, false)?.request(method, url).headers(named.collect())).await
}

async fn send(request: RequestBuilder) -> Result<Response, Trouble> {
    request.send().await.map_err(|error| Trouble::of(&error))
}

async fn read(mut response: Response) -> Result<Answer, Trouble> {
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let info = response.extensions().get::<TlsInfo>();
    let certificate = info.and_then(TlsInfo::peer_certificate).map(<[u8]>::to_vec);
    let mut text = Vec::new();
    while text.len() < MOST
        && let Some(piece) = response.chunk().await.map_err(|error| Trouble::of(&error))?
    {
        text.extend_from_slice(&piece);
    }
    Ok(Answer { status, headers, text: String::from_utf8_lossy(&text).into_owned(), certificate })
}

fn client(url: &str, trusts_anybody: bool) -> Result<Client, Trouble> {
    // Whoever installed a provider before us chose one as good.
    _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder()
        .user_agent(concat!("llm-classroom-doctor/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .connect_timeout(CONNECT)
        .timeout(PATIENCE)
        .tls_danger_accept_invalid_certs(trusts_anybody)
        .no_proxy();
    builder = match url.starts_with("https://") && !trusts_anybody {
        true => builder.tls_info(true),
        // Spares loading root certificates, which a container may not have.
        false => builder.tls_certs_only([]),
    };
    builder.build().map_err(|error| Trouble::of(&error))
}
