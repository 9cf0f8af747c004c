//! Makes errors of what servers say, with the words for the log beside them.

use super::error::{Error, TimeoutPhase};
use super::lines::LineError;
use super::overflow::{self, Overflow};
use super::refusal::{self, Subject};
use super::wire::Complaint;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// The longest detail that is logged, in characters.
const MAX_DETAIL: usize = 300;

/// An error and what the log is told besides.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: Error,
    /// Perhaps the server's own words: [`Scrub`] them before they leave this module's users.
    pub(super) detail: String,
    /// The pause the server asked for.
    pub(super) retry_after: Option<Duration>,
}

impl Fault {
    pub(super) fn new(error: Error, detail: impl Into<String>) -> Self {
        Self { error, detail: detail.into(), retry_after: None }
    }

    pub(super) fn broken(detail: impl Into<String>) -> Self {
        Self::new(Error::Broken, detail)
    }

    /// A limit of time that ran out.
    pub(super) fn late(phase: TimeoutPhase) -> Self {
        Self::new(Error::Timeout(phase), String::new())
    }

    /// A request that got no reply.
    pub(super) fn of_transport(error: reqwest::Error) -> Self {
        let kind = match (error.is_connect(), error.is_timeout()) {
            (true, true) => Error::Timeout(TimeoutPhase::Connect),
            (true, false) => Error::Connect,
            _ => Error::Broken,
        };
        Self::new(kind, causes(&error.without_url()))
    }

    /// A reply with a status other than success.
    pub(super) fn of_status(status: u16, complaint: Complaint, retry_after: Option<Duration>) -> Self {
        let window = overflow::of_complaint(&complaint).and_then(|overflow| overflow.window);
        let error = match refusal::final_subject(status, &complaint) {
            Some(Subject::Window) => {
                return Self { error: Error::ContextFull { window }, detail: complaint.message, retry_after: None };
            }
            Some(Subject::Quota) => Error::Quota,
            Some(Subject::ContentFilter) => Error::ContentFilter,
            Some(Subject::Model) => Error::ModelMissing,
            Some(Subject::Rate) => Error::RateLimited { retry_after },
            Some(Subject::Key) => Error::Unauthorized,
            Some(Subject::Path) => Error::PathMissing,
            _ => of_number(status, retry_after, &complaint),
        };
        // A server that fails without an error object may answer anything, also words of a student.
        let says_nothing =
            matches!(error, Error::Server { .. }) && complaint.code.is_empty() && complaint.kind.is_empty();
        let detail = if says_nothing { String::new() } else { complaint.message };
        Self { error, detail, retry_after }
    }

    /// An error object in a stream that began well.
    pub(super) fn of_event(complaint: Complaint) -> Self {
        if let Some(Overflow { window }) = overflow::of_complaint(&complaint) {
            return Self::new(Error::ContextFull { window }, complaint.message);
        }
        let number = complaint.code.parse().ok().filter(|code| (400..600).contains(code));
        let error = of_words(&complaint, number.unwrap_or(500))
            .or_else(|| number.map(|code| of_number(code, None, &complaint)))
            .unwrap_or(Error::Broken);
        Self::new(error, complaint.message)
    }
}

impl From<LineError<reqwest::Error>> for Fault {
    fn from(error: LineError<reqwest::Error>) -> Self {
        match error {
            LineError::TooLong => Self::broken("an event is too long"),
            LineError::Markup => Self::broken("the reply is a page, not a stream"),
            LineError::Transport(error) => Self::broken(causes(&error.without_url())),
        }
    }
}

fn of_number(status: u16, retry_after: Option<Duration>, complaint: &Complaint) -> Error {
    match status {
        401 | 403 => Error::Unauthorized,
        402 => Error::Quota,
        404 => Error::ModelMissing,
        429 => Error::RateLimited { retry_after },
        408 | 500.. => Error::Server { status },
        _ => Error::BadRequest { status, detail: complaint.message.clone() },
    }
}

fn of_words(complaint: &Complaint, status: u16) -> Option<Error> {
    let is = |words: &[&str]| complaint.is(words);
    Some(if is(&["insufficient_quota", "billing_hard_limit_reached", "insufficient_credits"]) {
        Error::Quota
    } else if is(&["content_filter", "content_policy_violation"]) {
        Error::ContentFilter
    } else if is(&["model_not_found", "deploymentnotfound"]) {
        Error::ModelMissing
    } else if is(&["rate_limit_exceeded", "rate_limit_error", "too_many_requests"]) {
        Error::RateLimited { retry_after: None }
    } else if is(&["invalid_api_key", "authentication_error", "permission_error"]) {
        Error::Unauthorized
    } else if is(&["server_error", "internal_server_error", "internal_error", "api_error"])
        || is(&["overloaded_error", "service_unavailable", "unavailable_error"])
    {
        Error::Server { status: status.max(500) }
    } else if is(&["invalid_request_error", "bad_request", "badrequesterror"]) {
        Error::BadRequest { status: 400, detail: complaint.message.clone() }
    } else {
        return None;
    })
}

/// An error with its causes, in one line: reqwest's own words alone never say what happened.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Takes the key out of what is logged, for a server may echo it.
#[derive(Debug, Clone)]
pub(super) struct Scrub(Option<SecretString>);

impl Scrub {
    pub(super) fn new(key: Option<&SecretString>) -> Self {
        Self(key.filter(|key| !key.expose_secret().trim().is_empty()).cloned())
    }

    /// The text without the key, in one line of bounded length.
    pub(super) fn clean(&self, text: &str) -> String {
        let clean = match &self.0 {
            // Before cutting, or the cut could leave half a key that no longer matches.
            Some(key) => text.replace(key.expose_secret().trim(), "[key]"),
            None => text.to_owned(),
        };
        clean.chars().take(MAX_DETAIL).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// The same fault with every text in it clean.
    pub(super) fn fault(&self, mut fault: Fault) -> Fault {
        fault.detail = self.clean(&fault.detail);
        if let Error::BadRequest { detail, .. } = &mut fault.error {
            *detail = self.clean(detail);
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(code: &str, kind: &str) -> Complaint {
        Complaint { code: code.into(), kind: kind.into(), ..Complaint::default() }
    }

    #[test]
    fn a_status_becomes_its_error() {
        let of = |status, code: &str| Fault::of_status(status, complaint(code, ""), None).error;
        assert_eq!(of(401, ""), Error::Unauthorized);
        assert_eq!(of(403, ""), Error::Unauthorized);
        assert_eq!(of(403, "model_not_found"), Error::ModelMissing);
        assert_eq!(of(404, ""), Error::ModelMissing);
        let of_body = |status, body: &str| Fault::of_status(status, Complaint::of_body(body), None).error;
        for body in [
            "404 page not found",
            "<html>nginx</html>",
            "",
            r#"{"detail":"Not Found"}"#,
            r#"{"error":{"code":"404","message":"Resource not found"}}"#,
            r#"{"error":{"message":"Invalid URL (POST /chat/completions)","type":"invalid_request_error"}}"#,
            r#"{"timestamp":1,"status":404,"error":"Not Found","path":"/chat/completions"}"#,
        ] {
            assert_eq!(of_body(404, body), Error::PathMissing, "{body}");
        }
        assert_eq!(of_body(405, r#"{"detail":"Method Not Allowed"}"#), Error::PathMissing);
        assert_eq!(of_body(404, r#"{"error":{"message":"model 'x' not found"}}"#), Error::ModelMissing);
        assert_eq!(of(402, ""), Error::Quota);
        assert_eq!(of(429, "insufficient_quota"), Error::Quota);
        assert_eq!(of(429, "rate_limit_exceeded"), Error::RateLimited { retry_after: None });
        assert_eq!(of(400, "content_filter"), Error::ContentFilter);
        assert_eq!(of(422, ""), Error::BadRequest { status: 422, detail: String::new() });
        assert_eq!(of(307, ""), Error::BadRequest { status: 307, detail: String::new() });
        assert_eq!(of(500, "invalid_request_error"), Error::Server { status: 500 });
        assert_eq!(of(529, ""), Error::Server { status: 529 });
        assert_eq!(of(408, ""), Error::Server { status: 408 });
    }

    #[test]
    fn an_error_in_a_stream_becomes_its_error() {
        let of = |code: &str, kind: &str| Fault::of_event(complaint(code, kind)).error;
        assert_eq!(of("429", ""), Error::RateLimited { retry_after: None });
        assert_eq!(of("", "rate_limit_error"), Error::RateLimited { retry_after: None });
        assert_eq!(of("502", "server_error"), Error::Server { status: 502 });
        assert_eq!(of("", "overloaded_error"), Error::Server { status: 500 });
        assert_eq!(of("insufficient_quota", ""), Error::Quota);
        assert_eq!(of("400", "BadRequest"), Error::BadRequest { status: 400, detail: String::new() });
        assert_eq!(of("99999", ""), Error::Broken);
        assert_eq!(of("", ""), Error::Broken);
    }

    #[test]
    fn the_key_goes_before_the_text_is_cut() {
        let scrub = Scrub::new(Some(&SecretString::from("sk-가나다라마")));
        let text = format!("{}sk-가나다라마\nsk-가나다라마", "x".repeat(MAX_DETAIL - 4));
        assert_eq!(scrub.clean(&text), format!("{}[key", "x".repeat(MAX_DETAIL - 4)));
        assert_eq!(scrub.clean("a\r\nb"), "a  b");
        assert_eq!(Scrub::new(Some(&SecretString::from(""))).clean("ab"), "ab");
    }
}
