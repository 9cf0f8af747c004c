//! Check of the public address: name, TLS, headers, and whether the proxy passes streams on without buffering.

use std::time::Instant;

use reqwest::{Method, header};
use url::Url;
use x509_parser::parse_x509_certificate;

use super::{
    finding::{Finding, State, Subject},
    web::{self, Reply, RequestError},
};
use crate::{
    config::{Config, is_https},
    http::api::probe,
};

/// Days before its end at which a certificate should have been renewed: renewal happens thirty days before.
const EXPIRES_SOON: i64 = 14;
/// Headers that must occur once: two of them contradict each other.
const UNIQUE_HEADERS: [&str; 5] = [
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "strict-transport-security",
];

/// Returns the findings, and the server's clock in milliseconds since 1970.
pub(super) async fn check(config: &Config) -> (Vec<Finding>, Option<i64>) {
    let Some(base) = config.public_url() else {
        return (vec![finding(State::Note, "public-none")], None);
    };
    let base = &*base;
    let with_url = |state, code| finding(state, code).with("url", base);
    let page = match web::get(&format!("{base}/health")).await {
        Ok(page) => page,
        Err(error) => {
            let code = match error {
                RequestError::Name(_) => "public-name",
                RequestError::Connect(_) => "public-unreachable",
                RequestError::Tls(_) => "public-certificate",
                RequestError::Other(_) => "public-silent",
            };
            return (vec![with_url(State::Failed, code).with("error", error.message())], None);
        }
    };
    let clock = page.headers.get(header::DATE).and_then(|date| date.to_str().ok()).and_then(millis);
    match page.status {
        502..=504 => return (vec![with_url(State::Failed, "public-bad-gateway").with("status", page.status)], clock),
        _ if page.version().is_none() => {
            return (vec![with_url(State::Failed, "public-stranger").with("status", page.status)], clock);
        }
        _ => {}
    }

    let mut found: Vec<_> = expiry(&page).into_iter().collect();
    found.extend(plain_http(base).await);
    found.extend(open_port(base, config.app_port).await);
    found.extend(headers(base).await);
    found.extend(cors(base, config).await);
    found.extend(buffering(base).await);
    let found = found.into_iter().map(|finding| finding.with("url", base)).collect::<Vec<_>>();
    if found.iter().any(|finding| finding.state >= State::Warning) {
        return (found, clock);
    }
    ([vec![with_url(State::Ok, "public-ok")], found].concat(), clock)
}

fn expiry(page: &Reply) -> Option<Finding> {
    let (_, certificate) = parse_x509_certificate(page.certificate.as_deref()?).ok()?;
    let left = certificate.validity().time_to_expiration()?.whole_days();
    let (state, code) =
        if left < EXPIRES_SOON { (State::Warning, "public-expires") } else { (State::Ok, "public-tls-ok") };
    Some(finding(state, code).with("days", left))
}

/// Checks that plain HTTP redirects to HTTPS, or that nothing listens there.
async fn plain_http(base: &str) -> Option<Finding> {
    let mut url = Url::parse(base).ok().filter(|url| url.scheme() == "https")?;
    // Only at the usual port: the plain port that belongs to another one is unknown.
    if url.port().is_some() {
        return None;
    }
    url.set_scheme("http").ok()?;
    let reply = web::get(url.as_str()).await.ok()?;
    let target = reply.headers.get(header::LOCATION).and_then(|target| target.to_str().ok()).unwrap_or_default();
    (!is_https(target)).then(|| finding(State::Warning, "public-plain"))
}

/// Checks that the program's own port can't be reached from outside, past the proxy.
async fn open_port(base: &str, port: u16) -> Option<Finding> {
    let url = Url::parse(base).ok()?;
    let host = url.host_str()?;
    if url.port_or_known_default() == Some(port) || is_this_machine(host, port).await {
        return None;
    }
    let reply = web::get(&format!("http://{host}:{port}/health")).await.ok()?;
    reply.version().map(|_| finding(State::Warning, "public-port-open").with("port", port))
}

/// Whether the name resolves to a loopback address, as an entry in /etc/hosts may do: then this machine's view says nothing
/// about the outside.
async fn is_this_machine(host: &str, port: u16) -> bool {
    let addresses = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
    addresses.is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
}

async fn headers(base: &str) -> Option<Finding> {
    let page = web::get(&format!("{base}/topic-selection.html")).await.ok()?;
    let twice = UNIQUE_HEADERS.iter().find(|name| page.headers.get_all(**name).iter().count() > 1)?;
    Some(finding(State::Warning, "public-header-twice").with("header", twice))
}

/// Checks that the CORS header occurs as the settings say: browsers refuse a response with two.
async fn cors(base: &str, config: &Config) -> Option<Finding> {
    let headers = [("origin", "https://doctor.example"), ("access-control-request-method", "POST")];
    let reply = web::ask(Method::OPTIONS, &format!("{base}/api/v1/chat/chat"), &headers).await.ok()?;
    let allowed = reply.headers.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter().count();
    let expected = usize::from(config.cors_allow_origins.iter().any(|origin| origin == "*"));
    (allowed != expected).then(|| finding(State::Warning, "public-cors").with("count", allowed))
}

/// Checks that pieces of a stream arrive one by one, not all at the end.
async fn buffering(base: &str) -> Option<Finding> {
    let mut stream = web::open(Method::GET, &format!("{base}{}", probe::PATH), &[]).await.ok()?;
    if stream.status() != 200 {
        return Some(finding(State::Warning, "public-stream-refused").with("status", stream.status()));
    }
    let mut first = None;
    while let Ok(Some(_)) = stream.chunk().await {
        first.get_or_insert_with(Instant::now);
    }
    let spread = first.map(|first| first.elapsed()).unwrap_or_default();
    if spread < probe::DURATION / 2 {
        return Some(finding(State::Failed, "public-buffered"));
    }
    Some(finding(State::Ok, "public-streams"))
}

/// An HTTP date in milliseconds since 1970.
fn millis(date: &str) -> Option<i64> {
    let date = httpdate::parse_http_date(date).ok()?;
    date.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis().try_into().ok()
}

fn finding(state: State, code: &'static str) -> Finding {
    Finding::new(Subject::Public, state, code)
}
