//! The way from the outside to the program: name, TLS, the proxy in between, and whether it lets streams through.

use std::time::Instant;

use reqwest::{Method, Url, header};
use x509_parser::parse_x509_certificate;

use super::{
    finding::{Finding, State, Subject},
    web::{self, Answer, Trouble},
};
use crate::{config::Config, http::api::probe};

/// A certificate that runs out within so many days wasn't renewed: that happens thirty days before the end.
const EXPIRES_SOON: i64 = 14;
/// Headers that a browser must see once: twice they contradict or switch each other off.
const ONCE: [&str; 5] = [
    "content-security-policy",
    "x-frame-options",
    "x-content-type-options",
    "referrer-policy",
    "strict-transport-security",
];

/// What was found, and the server's clock, in milliseconds since 1970.
pub(super) async fn check(config: &Config) -> (Vec<Finding>, Option<i64>) {
    let Some(base) = config.public_url() else {
        return (vec![finding(State::Note, "public-none")], None);
    };
    let base = &*base;
    let told = |state, code| finding(state, code).with("url", base);
    let page = match web::get(&format!("{base}/health")).await {
        Ok(page) => page,
        Err(trouble) => {
            let code = match trouble {
                Trouble::Name(_) => "public-name",
                Trouble::Connect(_) => "public-unreachable",
                Trouble::Tls(_) => "public-certificate",
                Trouble::Other(_) => "public-silent",
            };
            return (vec![told(State::Failed, code).with("error", trouble.words())], None);
        }
    };
    let clock = page.headers.get(header::DATE).and_then(|date| date.to_str().ok()).and_then(millis);
    match page.status {
        502..=504 => return (vec![told(State::Failed, "public-bad-gateway").with("status", page.status)], clock),
        _ if page.version().is_none() => {
            return (vec![told(State::Failed, "public-stranger").with("status", page.status)], clock);
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
    ([vec![told(State::Ok, "public-ok")], found].concat(), clock)
}

fn expiry(page: &Answer) -> Option<Finding> {
    let (_, certificate) = parse_x509_certificate(page.certificate.as_deref()?).ok()?;
    let left = certificate.validity().time_to_expiration()?.whole_days();
    let (state, code) =
        if left < EXPIRES_SOON { (State::Warning, "public-expires") } else { (State::Ok, "public-tls-ok") };
    Some(finding(state, code).with("days", left))
}

/// Whether plain HTTP is sent on to HTTPS. That nobody listens there is as good.
async fn plain_http(base: &str) -> Option<Finding> {
    let host = base.strip_prefix("https://")?;
    // Only where the usual port is: elsewhere nobody knows which port belongs to it.
    if host.contains(':') {
        return None;
    }
    let answer = web::get(&format!("http://{host}/")).await.ok()?;
    let target = answer.headers.get(header::LOCATION).and_then(|target| target.to_str().ok()).unwrap_or_default();
    (!target.starts_with("https://")).then(|| finding(State::Warning, "public-plain"))
}

/// Whether the program's own port answers from outside, past the proxy.
async fn open_port(base: &str, port: u16) -> Option<Finding> {
    let url = Url::parse(base).ok()?;
    let host = url.host_str()?;
    if url.port_or_known_default() == Some(port) || is_this_machine(host, port).await {
        return None;
    }
    let answer = web::get(&format!("http://{host}:{port}/health")).await.ok()?;
    answer.version().map(|_| finding(State::Warning, "public-port-open").with("port", port))
}

/// Whether the name leads to this machine without a way through the outside, as an entry in /etc/hosts may have it.
async fn is_this_machine(host: &str, port: u16) -> bool {
    let addresses = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
    addresses.is_ok_and(|mut addresses| addresses.all(|address| address.ip().is_loopback()))
}

async fn headers(base: &str) -> Option<Finding> {
    let page = web::get(&format!("{base}/topic-selection.html")).await.ok()?;
    let twice = ONCE.iter().find(|name| page.headers.get_all(**name).iter().count() > 1)?;
    Some(finding(State::Warning, "public-header-twice").with("header", twice))
}

/// Whether pages of other sites may call the stateless API as the settings say: each header once, or browsers refuse.
async fn cors(base: &str, config: &Config) -> Option<Finding> {
    let asked = [("origin", "https://doctor.example"), ("access-control-request-method", "POST")];
    let answer = web::ask(Method::OPTIONS, &format!("{base}/api/v1/chat/chat"), &asked).await.ok()?;
    let allowed = answer.headers.get_all(header::ACCESS_CONTROL_ALLOW_ORIGIN).iter().count();
    let expected = usize::from(config.cors_allow_origins.iter().any(|origin| origin == "*"));
    (allowed != expected).then(|| finding(State::Warning, "public-cors").with("count", allowed))
}

/// Whether pieces of a stream arrive one by one, or all at the end.
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
