//! What a refusal is about. The one place that reads the words of the servers in use.
//!
//! The same mistake comes with different statuses: an unknown key is 400 at Gemini and 401 elsewhere, an unknown model is
//! 400 at LiteLLM and 404 elsewhere, and 404 is also an address that is no API. So words count before the status does,
//! as far as they mean one thing only. Words about a parameter are in `quirks`.

use super::overflow::{self, Overflow};
use super::wire::Complaint;

/// A reply that is an error.
#[derive(Debug)]
pub(super) struct Refusal {
    /// The HTTP status; of an error inside a stream the number it carries, else 400.
    pub(super) status: u16,
    /// What the server says.
    pub(super) complaint: Complaint,
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
const MODEL_PHRASES: &[&str] = &[
    "invalid model",
    "unknown model",
    "unsupported model",
    "no such model",
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
];

impl Refusal {
    /// What it is about.
    pub(super) fn subject(&self) -> Subject {
        let Self { status, complaint } = self;
        let text = complaint.message.to_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        let is_about = |codes: &[&str], phrases: &[&str]| {
            complaint.is(codes) || (*status < 500 && status != &429 && says(phrases))
        };

        if complaint.is(JSON_CODES) || says(JSON_PHRASES) {
            return Subject::JsonReply;
        }
        // Servers send this with all kinds of statuses, but never with those of a key or an account.
        if let Some(overflow) = overflow::of_complaint(complaint).filter(|_| !matches!(status, 401..=403)) {
            return Subject::Window(overflow);
        }
        let is_plan = text.contains(PLAN) && !says(COMES_BACK);
        if *status == 402 || complaint.is(ACCOUNT_CODES) || (*status < 500 && (says(ACCOUNT_PHRASES) || is_plan)) {
            return Subject::Account;
        }
        if is_about(FILTER_CODES, FILTER_PHRASES) {
            return Subject::Filter;
        }
        // Of a failing server or a busy one the status says more than its words.
        if complaint.is(MODEL_CODES) || (*status < 500 && *status != 429 && self.is_model_gone(&text)) {
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
            _ if complaint.is(KEY_CODES) || says(KEY_PHRASES) => Subject::Key,
            _ if says(PARAMETER_PHRASES) => Subject::SomeParameter,
            404 | 405 => Subject::Path,
            _ if complaint.is(PATH_CODES) || says(PATH_PHRASES) => Subject::Path,
            _ => Subject::Request,
        }
    }

    fn is_model_gone(&self, text: &str) -> bool {
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        if self.status == 401 {
            return text.contains("not allowed to access model");
        }
        // Anthropic says "model: NAME" with a 404, and nothing else.
        let is_named_alone = self.status == 404 && (text.starts_with("model:") || self.complaint.param == "model");
        let names_model = text.contains("model") || text.contains("deployment");
        says(MODEL_PHRASES) || is_named_alone || (names_model && says(MODEL_IS_GONE) && !says(PATH_PHRASES))
    }

    /// Whether its words may be about a parameter, so that it is worth reading them for one.
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
pub(super) fn status_of_code(complaint: &Complaint) -> Option<u16> {
    let number = complaint.code.parse().ok().filter(|code| (400..600).contains(code));
    let is = |words: &[&str]| complaint.is(words);
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
