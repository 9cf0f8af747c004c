//! Classifies refusals by the words of the servers in use.
//!
//! The same mistake comes with different statuses: an unknown key is 400 at Gemini and 401 elsewhere, an unknown model is
//! 400 at LiteLLM and 404 elsewhere, and 404 is also an address that is no API. So words count before the status does,
//! as far as they mean one thing only. Words about a parameter are in `quirks`.

use super::overflow::{self, Overflow};
use super::wire::ErrorBody;

/// A reply that is an error.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status; of an error inside a stream the number it carries, else 400.
    pub(super) status: u16,
    /// What the server says.
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
    Pace,
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
    /// Some parameter that isn't named.
    SomeParameter,
    /// The server failed.
    Failure,
    /// The place or the network that the request comes from, or the rules of the account.
    Origin,
    /// The request, in a way that the words above don't say.
    Request,
}

const ACCOUNT_CODES: &[&str] = &[
    "insufficient_quota",
    "billing_hard_limit_reached",
    "insufficient_credits",
    "insufficient_balance",
    "billing_not_active",
    "budget_exceeded",
    "credit_balance_too_low",
    "payment_required",
    "arrearage",
];
const ACCOUNT_PHRASES: &[&str] = &[
    "insufficient balance",
    "insufficient credit",
    "insufficient funds",
    "insufficient account balance",
    "credit balance is too low",
    "more credits",
    "enough credits",
    "out of credits",
    "used all available credits",
    "billing hard limit",
    "check your billing",
    "budget has been exceeded",
    "exceeded budget",
    "spending limit",
    "account is in good standing",
    "余额不足",
];
/// A code that says so, and a sentence about money and the want of it.
const ACCOUNT_CODE_PARTS: [&str; 5] = ["quota", "balance", "credit", "fund", "billing"];
const MONEY: &[&str] = &["balance", "credits", "credit ", "funds", "payment", "account quota", "user quota"];
const IS_WANTING: &[&str] = &[
    "insufficient",
    "exhausted",
    "ran out",
    "run out",
    "not enough",
    "too low",
    "negative",
    "overdue",
    "depleted",
    "required",
];
/// A plan's limit that comes back by itself carries the same sentence.
const PLAN: &str = "exceeded your current quota";
const COMES_BACK: &[&str] = &["retry in", "per minute", "perminute", "per day", "perday", "free_tier"];

const FILTER_CODES: &[&str] =
    &["content_filter", "content_policy_violation", "data_inspection_failed", "responsibleaipolicyviolation"];
const FILTER_PHRASES: &[&str] = &[
    "content management policy",
    "content policy",
    "input was flagged",
    "prompt was flagged",
    "safety system",
    "inappropriate content",
    "blocked by our safety",
];

/// What was written, and what is said of it.
const WRITTEN: &[&str] = &["content", "prompt", "input", "message"];
const IS_UNWANTED: &[&str] = &[
    "violat",
    "flagged",
    "moderation",
    "inappropriate",
    "unsafe",
    "prohibited",
    "exists risk",
    "敏感内容",
    "filtered due",
];

const PACE_CODES: &[&str] = &["rate_limit_exceeded", "rate_limit_error", "too_many_requests"];
/// Ollama's queue, which answers 503.
const PACE_PHRASES: &[&str] = &["maximum pending requests exceeded"];

const KEY_CODES: &[&str] = &[
    "invalid_api_key",
    "authentication_error",
    "permission_error",
    "auth_error",
    "token_not_found_in_db",
    "api_key_invalid",
    "unauthorized",
    "unauthenticated",
    // LiteLLM without a database looks a key up there that is not its master key.
    "no_db_connection",
];
const KEY_PHRASES: &[&str] = &[
    "api key not valid",
    "api key is not valid",
    "api key not found",
    "api key expired",
    "api key is invalid",
    "api key provided is invalid",
    "api key you provided is invalid",
    "api_key_invalid",
    "incorrect api key",
    "invalid api key",
    "invalid api-key",
    "invalid api_key",
    "invalid x-api-key",
    "wrong api key",
    "no api key",
    "missing api key",
    "api key is missing",
    "api key is required",
    "malformed api key",
    "provide an api key",
    "authentication error",
    "authentication fail",
    "invalid authentication",
    "invalid token",
    "invalid bearer token",
    "invalid subscription key",
    "no auth credentials",
    "missing authentication",
    "missing or invalid authorization",
    "missing bearer",
    "authorization header",
];
/// The same in other words: what opens the door, and what is said of it.
const KEY_NOUNS: &[&str] = &[
    "api key",
    "api-key",
    "api_key",
    "apikey",
    "access token",
    "bearer token",
    "api token",
    "auth token",
    "credentials",
    "authentication key",
    "subscription key",
    "secret key",
];
const IS_REFUSED: &[&str] = &[
    "invalid",
    "not valid",
    "incorrect",
    "wrong",
    "missing",
    "expired",
    "revoked",
    "disabled",
    "deleted",
    "required",
    "provide",
    "supplied",
    "not found",
    "not exist",
    "unknown",
    "unrecognized",
    "malformed",
    "must be set",
    "blocked",
    "suspended",
    "leaked",
    "mismatch",
];

const MODEL_CODES: &[&str] = &[
    "model_not_found",
    "deploymentnotfound",
    "model_not_available",
    "model_not_supported",
    "model_decommissioned",
    "invalid_model",
    "unsupported_model",
    "key_model_access_denied",
    "team_model_access_denied",
];
/// Codes of a model that is there.
const MODEL_IS_THERE: &[&str] = &["context", "overload", "capacity", "busy", "loading", "length", "error", "timeout"];
const MODEL_PHRASES: &[&str] = &[
    "invalid model",
    "unknown model",
    "unsupported model",
    "no such model",
    "unexpected model name",
    "model name format",
    "model names are",
    "with the specified model",
    "not support chat",
    "not a chat model",
    "provide a model",
    "model is required",
    "could not load model",
    "failed to load model",
    "not a valid model",
    "model is invalid",
    "model identifier is invalid",
    "model not exist",
    "model not found",
    "model does not exist",
    "model not supported",
    "model is not supported",
    "model is not available",
    "model not available",
    "no models loaded",
    "no model loaded",
    "no endpoints found for",
    "no allowed providers",
    "not allowed to access model",
    "模型不存在",
];
/// The same, in a sentence that names a model somewhere else.
const MODEL_IS_GONE: &[&str] = &[
    "not found",
    "not exist",
    "doesn't exist",
    "unable to access",
    "not have access",
    "could not find",
    "cannot find",
    "can't find",
    "decommissioned",
    "no longer supported",
    "no longer available",
    "deprecated",
    "not deployed",
    "not loaded",
    "not installed",
    "not enabled for",
    "no longer exists",
    "retired",
    "not allowed to use",
    "not allowed to access",
    "no permission to",
    "requires terms",
    "not supported by any provider",
];

const PATH_CODES: &[&str] = &["unknown_url"];
const PATH_PHRASES: &[&str] = &[
    "invalid url",
    "unknown request url",
    "unexpected endpoint",
    "no route matched",
    "404 page not found",
    "404 not found",
    "cannot post",
    "file not found",
    "method not allowed",
    "plain http request was sent to https port",
    "http request to an https server",
    "unsupported method",
    "no route for",
    "no matching route",
    "endpoint not found",
    "route not found",
];

const JSON_CODES: &[&str] = &["json_validate_failed"];
const JSON_PHRASES: &[&str] = &["failed to generate json", "failed to validate json", "generated json does not match"];

/// OpenRouter, where no provider of the model takes all parameters of the request.
const PARAMETER_PHRASES: &[&str] = &["no endpoints found that"];

/// Refusals of a place, or by the rules of an account, whatever their status.
const ORIGIN_PHRASES: &[&str] = &[
    "country, region",
    "location is not supported",
    "data policy",
    "unsupported_country",
    "cloudflare",
    "you have been blocked",
    "error code: 10",
    "ip address",
    "access denied by",
];

impl Refusal {
    /// What it is about.
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
        if *status == 429 || says(PACE_PHRASES) {
            return Subject::Pace;
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

    /// Whether a page for browsers came, from whatever stands at the address or in front of it.
    fn is_page(&self) -> bool {
        let text = &self.error_body.message;
        text.starts_with('<') && (text.contains("</") || text.to_lowercase().contains("<html"))
    }

    /// Pages speak of anything, so the status counts.
    fn subject_of_page(&self, text: &str) -> Subject {
        let is_wall = text.contains("cloudflare") || text.contains("captcha") || text.contains("you have been blocked");
        match self.status {
            401 => Subject::Key,
            402 => Subject::Account,
            403 | 451 if is_wall => Subject::Origin,
            403 => Subject::Key,
            404 | 405 => Subject::Path,
            413 => Subject::Window(Overflow { window: None }),
            429 => Subject::Pace,
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

    /// Whether its words may be about a parameter, which the caller should look for.
    pub(super) fn may_be_of_a_parameter(&self) -> bool {
        let subject = self.subject();
        match subject {
            Subject::Request | Subject::SomeParameter | Subject::Path | Subject::Model => true,
            Subject::Failure => matches!(self.status, 500 | 501),
            _ => false,
        }
    }
}

/// Whether an error inside a stream, which has no status, tells of its kind by a code. `None` if it doesn't.
pub(super) fn status_of_code(error_body: &ErrorBody) -> Option<u16> {
    let number = error_body.code.parse().ok().filter(|code| (400..600).contains(code));
    let is = |words: &[&str]| error_body.is(words);
    if let Some(number) = number {
        return Some(number);
    }
    if is(PACE_CODES) {
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
mod tests;
