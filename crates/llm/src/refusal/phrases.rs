//! The codes and phrases by which servers refuse a request, all in lower case.

pub(super) const ACCOUNT_CODES: &[&str] = &[
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
pub(super) const ACCOUNT_PHRASES: &[&str] = &[
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
pub(super) const ACCOUNT_CODE_PARTS: [&str; 5] = ["quota", "balance", "credit", "fund", "billing"];
pub(super) const MONEY: &[&str] = &["balance", "credits", "credit ", "funds", "payment", "account quota", "user quota"];
pub(super) const IS_WANTING: &[&str] = &[
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
pub(super) const PLAN: &str = "exceeded your current quota";
pub(super) const COMES_BACK: &[&str] = &["retry in", "per minute", "perminute", "per day", "perday", "free_tier"];

pub(super) const FILTER_CODES: &[&str] =
    &["content_filter", "content_policy_violation", "data_inspection_failed", "responsibleaipolicyviolation"];
pub(super) const FILTER_PHRASES: &[&str] = &[
    "content management policy",
    "content policy",
    "input was flagged",
    "prompt was flagged",
    "safety system",
    "inappropriate content",
    "blocked by our safety",
];

/// What was written, and what is said of it.
pub(super) const WRITTEN: &[&str] = &["content", "prompt", "input", "message"];
pub(super) const IS_UNWANTED: &[&str] = &[
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

pub(super) const RATE_LIMIT_CODES: &[&str] = &["rate_limit_exceeded", "rate_limit_error", "too_many_requests"];
/// Ollama's queue, which answers 503.
pub(super) const RATE_LIMIT_PHRASES: &[&str] = &["maximum pending requests exceeded"];

pub(super) const KEY_CODES: &[&str] = &[
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
pub(super) const KEY_PHRASES: &[&str] = &[
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
pub(super) const KEY_NOUNS: &[&str] = &[
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
pub(super) const IS_REFUSED: &[&str] = &[
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

pub(super) const MODEL_CODES: &[&str] = &[
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
pub(super) const MODEL_IS_THERE: &[&str] =
    &["context", "overload", "capacity", "busy", "loading", "length", "error", "timeout"];
pub(super) const MODEL_PHRASES: &[&str] = &[
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
pub(super) const MODEL_IS_GONE: &[&str] = &[
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

pub(super) const PATH_CODES: &[&str] = &["unknown_url"];
pub(super) const PATH_PHRASES: &[&str] = &[
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

pub(super) const JSON_CODES: &[&str] = &["json_validate_failed"];
pub(super) const JSON_PHRASES: &[&str] =
    &["failed to generate json", "failed to validate json", "generated json does not match"];

/// OpenRouter, where no provider of the model takes all parameters of the request.
pub(super) const PARAMETER_PHRASES: &[&str] = &["no endpoints found that"];

/// Refusals of a place, or by the rules of an account, whatever their status.
pub(super) const ORIGIN_PHRASES: &[&str] = &[
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
