//! Converts failures and refusals to errors with a detail for the log.

use super::error::{Error, TimeoutPhase};
use super::error_body::ErrorBody;
use super::lines::LineError;
use super::overflow::Overflow;
use super::refusal::{self, Refusal, Subject};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;

/// The longest detail that is logged, in characters.
const MAX_DETAIL: usize = 300;

/// An error with a detail for the log.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) error: Error,
    /// May be the server's text: clean it with [`KeyRedactor`] before it is logged.
    pub(super) detail: String,
    /// The pause the server asked for.
    pub(super) retry_after: Option<Duration>,
    /// The refusal, if the server sent one. Boxed, because it is large and rare.
    pub(super) refusal: Option<Box<Refusal>>,
}

impl Fault {
    pub(super) fn new(error: Error, detail: impl Into<String>) -> Self {
        Self { error, detail: detail.into(), retry_after: None, refusal: None }
    }

    pub(super) fn broken(detail: impl Into<String>) -> Self {
        Self::new(Error::Broken, detail)
    }

    /// An exceeded time limit.
    pub(super) fn timed_out(phase: TimeoutPhase) -> Self {
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
    pub(super) fn of_status(status: u16, error_body: ErrorBody, retry_after: Option<Duration>) -> Self {
        let mut fault = Self::of_refusal(Refusal { status, error_body });
        if let Error::RateLimited { retry_after: pause } = &mut fault.error {
            *pause = retry_after;
        }
        Self { retry_after, ..fault }
    }

    /// An error object inside a stream.
    pub(super) fn of_event(error_body: ErrorBody) -> Self {
        let status = refusal::status_of_code(&error_body);
        let refusal = Refusal { status: status.unwrap_or(400), error_body };
        if status.is_none() && refusal.subject() == Subject::Request {
            return Self::new(Error::Broken, refusal.error_body.message.clone()).with(refusal);
        }
        Self::of_refusal(refusal)
    }

    fn of_refusal(refusal: Refusal) -> Self {
        let status = refusal.status;
        let message = || refusal.error_body.message.clone();
        let error = match refusal.subject() {
            Subject::Window(Overflow { window }) => Error::ContextFull { window, model: String::new() },
            Subject::Account => Error::Quota,
            Subject::RateLimit => Error::RateLimited { retry_after: None },
            Subject::Key => Error::Unauthorized,
            Subject::Model => Error::ModelMissing,
            Subject::Path => Error::PathMissing,
            Subject::Filter => Error::ContentFilter,
            Subject::Failure => Error::Server { status },
            Subject::JsonReply | Subject::SomeParameter | Subject::Origin | Subject::Request => {
                Error::BadRequest { status, detail: message() }
            }
        };
        let error_body = &refusal.error_body;
        // The body of a failure without an error object may be anything, also student text.
        let is_uncoded =
            matches!(error, Error::Server { .. }) && error_body.code.is_empty() && error_body.kind.is_empty();
        let detail = if is_uncoded { String::new() } else { message() };
        Self::new(error, detail).with(refusal)
    }

    /// The fault with the name of the model, if its error has a field for it.
    pub(super) fn with_model(mut self, asked: &str) -> Self {
        if let Error::ContextFull { model, .. } = &mut self.error {
            asked.clone_into(model);
        }
        self
    }

    fn with(self, refusal: Refusal) -> Self {
        Self { refusal: Some(Box::new(refusal)), ..self }
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

/// An error with its causes, in one line: reqwest's own message does not include them.
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

/// Removes the key from logged text, since a server may echo it.
#[derive(Debug, Clone)]
pub(super) struct KeyRedactor(Option<SecretString>);

impl KeyRedactor {
    pub(super) fn new(key: Option<&SecretString>) -> Self {
        Self(key.filter(|key| !key.expose_secret().trim().is_empty()).cloned())
    }

    /// The text without the key, in one line of bounded length.
    pub(super) fn clean(&self, text: &str) -> String {
        let clean = match &self.0 {
            // Replaced before the text is cut: half a key at the end would not match.
            Some(key) => text.replace(key.expose_secret().trim(), "[key]"),
            None => text.to_owned(),
        };
        clean.chars().take(MAX_DETAIL).map(|c| if c.is_control() { ' ' } else { c }).collect()
    }

    /// The fault with cleaned texts.
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

    fn error_body(code: &str, kind: &str) -> ErrorBody {
        ErrorBody { code: code.into(), kind: kind.into(), ..ErrorBody::default() }
    }

    #[test]
    fn a_status_becomes_its_error() {
        let of = |status, code: &str| Fault::of_status(status, error_body(code, ""), None).error;
        assert_eq!(of(401, ""), Error::Unauthorized);
        assert_eq!(of(403, ""), Error::Unauthorized);
        assert_eq!(of(403, "model_not_found"), Error::ModelMissing);
        assert_eq!(of(404, "model_not_found"), Error::ModelMissing);
        assert_eq!(of(404, ""), Error::PathMissing);
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
        let of = |code: &str, kind: &str| Fault::of_event(error_body(code, kind)).error;
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
        let redactor = KeyRedactor::new(Some(&SecretString::from("sk-가나다라마")));
        let text = format!("{}sk-가나다라마\nsk-가나다라마", "x".repeat(MAX_DETAIL - 4));
        assert_eq!(redactor.clean(&text), format!("{}[key", "x".repeat(MAX_DETAIL - 4)));
        assert_eq!(redactor.clean("a\r\nb"), "a  b");
        assert_eq!(KeyRedactor::new(Some(&SecretString::from(""))).clean("ab"), "ab");
    }
}
