//! Classifies refusals by the words of the servers in use.
//!
//! The same mistake comes with different statuses: an unknown key is 400 at Gemini and 401 elsewhere, an unknown model is
//! 400 at LiteLLM and 404 elsewhere, and 404 is also an address that is no API. So words count before the status does,
//! as far as they mean one thing only. Words about a parameter are in `quirks`.

mod phrases;

use super::error_body::ErrorBody;
use super::overflow::{self, Overflow};
use phrases::*;

/// A reply that is an error.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status; of an error inside a stream the number it carries, else 400.
    pub(super) status: u16,
    /// The error body.
    pub(super) error_body: ErrorBody,
}

/// What a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    /// The request is larger than the context window.
    Window(Overflow),
    /// The account has no credit.
    Account,
    /// Too many requests.
    RateLimit,
    /// The key is wrong or may not do this.
    Key,
    /// The server doesn't have the model.
    Model,
    /// The address is no chat-completions endpoint.
    Path,
    /// A filter stopped the request.
    Filter,
    /// The model failed to write the JSON it was asked for.
    JsonReply,
    /// A parameter that the server does not name.
    SomeParameter,
    /// The server failed.
    Failure,
    /// The region or network that the request comes from, or the rules of the account.
    Origin,
    /// The request, for another reason.
    Request,
}

impl Refusal {
    /// Classifies the refusal.
    pub(super) fn subject(&self) -> Subject {
        let Self { status, error_body } = self;
        let text = error_body.message.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        let both = |nouns: &[&str], words: &[&str]| says(nouns) && says(words);
        if self.is_page() {
            return self.subject_of_page(&text);
        }
        let is_about = |codes: &[&str], phrases: &[&str]| {
            error_body.is(codes) || (*status < 500 && status != &429 && says(phrases))
        };

        if error_body.is(JSON_CODES) || says(JSON_PHRASES) {
            return Subject::JsonReply;
        }
        // Servers send this with all kinds of statuses, but never with those of a key or an account.
        let overflow = match status {
            401..=403 => None,
            // A shorter request does not help against a limit on the number of requests, so only clear words count.
            429 => overflow::of_error_body(error_body).filter(|overflow| {
                overflow::is_coded(error_body) || (overflow.window.is_some() && text.contains("too large"))
            }),
            _ => overflow::of_error_body(error_body),
        };
        if let Some(overflow) = overflow {
            return Subject::Window(overflow);
        }
        let is_plan = text.contains(PLAN) && !says(COMES_BACK);
        if *status == 402
            || self.is_coded_as_account()
            || (*status < 500 && (says(ACCOUNT_PHRASES) || is_plan))
            || (*status < 500 && *status != 401 && both(MONEY, IS_WANTING))
        {
            return Subject::Account;
        }
        let is_filtered = matches!(status, 400 | 403 | 422 | 451)
            && both(WRITTEN, IS_UNWANTED)
            && !says(&["schema", "format", "grammar"]);
        if is_about(FILTER_CODES, FILTER_PHRASES) || is_filtered {
            return Subject::Filter;
        }
        // Of a failing server or a busy one the status says more than its words.
        if self.is_coded_as_model() || (*status < 500 && *status != 429 && self.is_model_gone(&text)) {
            return Subject::Model;
        }
        if *status == 429 || says(RATE_LIMIT_PHRASES) {
            return Subject::RateLimit;
        }
        if *status < 500 && says(ORIGIN_PHRASES) {
            return Subject::Origin;
        }
        match status {
            401 => Subject::Key,
            403 => Subject::Key,
            408 | 500.. => Subject::Failure,
            _ if error_body.is(KEY_CODES) || says(KEY_PHRASES) || both(KEY_NOUNS, IS_REFUSED) => Subject::Key,
            _ if says(PARAMETER_PHRASES) => Subject::SomeParameter,
            404 | 405 => Subject::Path,
            // Whatever the words: a shorter request may pass.
            413 => Subject::Window(Overflow { window: None }),
            _ if error_body.is(PATH_CODES) || says(PATH_PHRASES) => Subject::Path,
            _ => Subject::Request,
        }
    }

    /// Whether the body is an HTML page, for example of a proxy in front of the server.
    fn is_page(&self) -> bool {
        let text = &self.error_body.message;
        text.starts_with('<') && (text.contains("</") || text.to_lowercase().contains("<html"))
    }

    /// Classifies an HTML page, by its status: its text may contain any words.
    fn subject_of_page(&self, text: &str) -> Subject {
        let is_wall = text.contains("cloudflare") || text.contains("captcha") || text.contains("you have been blocked");
        match self.status {
            401 => Subject::Key,
            402 => Subject::Account,
            403 | 451 if is_wall => Subject::Origin,
            403 => Subject::Key,
            404 | 405 => Subject::Path,
            413 => Subject::Window(Overflow { window: None }),
            429 => Subject::RateLimit,
            501 => Subject::Path,
            408 | 500.. => Subject::Failure,
            _ if PATH_PHRASES.iter().any(|phrase| text.contains(phrase)) => Subject::Path,
            _ => Subject::Request,
        }
    }

    fn is_coded_as_account(&self) -> bool {
        let is_wanting =
            |word: &str| word.starts_with("insufficient") && ACCOUNT_CODE_PARTS.iter().any(|part| word.contains(part));
        self.error_body.is(ACCOUNT_CODES) || self.error_body.codes().any(is_wanting)
    }

    fn is_coded_as_model(&self) -> bool {
        let is_model = |word: &str| {
            (word.starts_with("model_") || word.starts_with("unknown_model") || word.contains("model.notfound"))
                && !MODEL_IS_THERE.iter().any(|part| word.contains(part))
        };
        let is_refused = self.status < 500 && self.status != 429;
        self.error_body.is(MODEL_CODES) || (is_refused && self.error_body.codes().any(is_model))
    }

    fn is_model_gone(&self, text: &str) -> bool {
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        if self.status == 401 {
            return text.contains("not allowed to access model");
        }
        // Anthropic says "model: NAME" with a 404, and nothing else.
        let is_param = self.error_body.param == "model" && (self.status == 404 || !text.contains("support"));
        let is_named_alone = is_param || (self.status == 404 && text.starts_with("model:"));
        let names_model = text.contains("model") || text.contains("deployment");
        says(MODEL_PHRASES) || is_named_alone || (names_model && says(MODEL_IS_GONE) && !says(PATH_PHRASES))
    }

    /// Whether the refusal may be about a request without a stream.
    pub(super) fn mentions_streams(&self) -> bool {
        let Self { error_body, .. } = self;
        self.may_be_of_a_parameter()
            && (error_body.param == "stream" || error_body.message.to_lowercase().contains("stream"))
    }

    /// Whether the refusal may be about a parameter, so that the caller should look for its name.
    pub(super) fn may_be_of_a_parameter(&self) -> bool {
        let subject = self.subject();
        match subject {
            Subject::Request | Subject::SomeParameter | Subject::Path | Subject::Model => true,
            Subject::Failure => matches!(self.status, 500 | 501),
            _ => false,
        }
    }
}

/// The HTTP status that the code of an error inside a stream stands for.
pub(super) fn status_of_code(error_body: &ErrorBody) -> Option<u16> {
    let number = error_body.code.parse().ok().filter(|code| (400..600).contains(code));
    let is = |words: &[&str]| error_body.is(words);
    if let Some(number) = number {
        return Some(number);
    }
    if is(RATE_LIMIT_CODES) {
        Some(429)
    } else if is(KEY_CODES) {
        Some(401)
    } else if is(&["server_error", "internal_server_error", "internal_error", "api_error"])
        || is(&["overloaded_error", "service_unavailable", "unavailable_error"])
    {
        Some(500)
    } else if is(&["invalid_request_error", "bad_request", "badrequesterror"]) {
        Some(400)
    } else {
        None
    }
}

#[cfg(test)]
pub(super) mod tests;
