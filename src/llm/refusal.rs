//! What a refusal is about. Every server has its own words and statuses for the same things; this is the one place that
//! knows them.

use super::overflow;
use super::wire::Complaint;

/// What a server refuses a request for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subject {
    // These end the attempt: no other form of the request would be taken.
    /// Larger than the context window.
    Window,
    /// The account's credit.
    Quota,
    /// Too many requests.
    Rate,
    /// The provider's content filter.
    ContentFilter,
    /// The key.
    Key,
    /// The model's name.
    Model,
    /// The address: the server has no such page.
    Path,
    // These go away when the request is written differently.
    /// The reply the model wrote did not match the schema (Groq): asking again may do.
    InvalidReply,
    /// The format of the answer.
    Format,
    /// `stream_options`.
    StreamOptions,
    /// `stream`: the account may not have answers streamed.
    Stream,
    /// A message with the role `system`.
    SystemRole,
    /// The name of the field with the answer's limit.
    LimitField,
    /// `temperature`.
    Temperature,
}

/// Everything a refusal may be about, the most likely first. Empty for one that says nothing known.
pub(super) fn subjects(status: u16, complaint: &Complaint) -> Vec<Subject> {
    if let Some(subject) = final_subject(status, complaint) {
        return vec![subject];
    }
    if !matches!(status, 400 | 404 | 422 | 500 | 501) {
        return Vec::new();
    }
    let text = complaint.message.to_lowercase();
    let field = complaint.param.split(['.', '[']).next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let about = |name: &str| field == name || text.contains(name);
    let is_unsupported = complaint.code == "unsupported_parameter" || has(&UNSUPPORTED);
    let is_role = has(&SYSTEM_ROLE) && (is_unsupported || has(&ROLE_RULES)) || has(&ROLES_ALTERNATE);
    let streams_not = field == "stream" || has(&STREAM) && (is_unsupported || has(&["verif", "must be false"]));
    [
        (Subject::InvalidReply, complaint.code == "json_validate_failed" || has(&INVALID_REPLY)),
        (Subject::SystemRole, is_role || field == "messages" && has(&["role"])),
        (Subject::Format, field == "response_format" || has(&FORMAT)),
        (Subject::StreamOptions, about("stream_options") || has(&["include_usage"])),
        (Subject::Stream, status != 500 && streams_not),
        // A limit that is merely too high names the same field and must not look like an unknown one.
        (Subject::LimitField, about("max_tokens") && (is_unsupported || has(&["max_completion_tokens"]))),
        (Subject::Temperature, about("temperature")),
    ]
    .into_iter()
    .filter_map(|(subject, applies)| applies.then_some(subject))
    .collect()
}

/// What no other form of the request would help with.
pub(super) fn final_subject(status: u16, complaint: &Complaint) -> Option<Subject> {
    // Servers send this with all kinds of statuses, but never with those of a key or an account.
    if !matches!(status, 401..=403) && overflow::of_complaint(complaint).is_some() {
        return Some(Subject::Window);
    }
    let text = complaint.message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let is = |words: &[&str]| complaint.is(words);
    Some(if is(&QUOTA_CODES) || status == 402 {
        Subject::Quota
    } else if is(&["content_filter", "content_policy_violation"]) {
        Subject::ContentFilter
    } else if is(&["model_not_found", "deploymentnotfound"]) {
        Subject::Model
    } else if status == 429 || is(&["rate_limit_exceeded"]) {
        Subject::Rate
    } else if matches!(status, 401 | 403) || is(&KEY_CODES) || has(&KEY) && has(&KEY_REFUSED) {
        Subject::Key
    } else if matches!(status, 404 | 405) && is_path(complaint, &text) {
        Subject::Path
    } else if matches!(status, 400 | 404 | 422 | 500) && is_model(&text, &complaint.param) {
        Subject::Model
    } else {
        return None;
    })
}

/// Whether a 404 or 405 is about the address: it comes from a program that knows no models, or says so.
fn is_path(complaint: &Complaint, text: &str) -> bool {
    complaint.is_page
        || ["not found", "resource not found", "method not allowed"].contains(&text.trim_end_matches('.'))
        || PATH.iter().any(|phrase| text.contains(phrase))
}

fn is_model(text: &str, param: &str) -> bool {
    if FORMAT.iter().any(|phrase| text.contains(phrase)) {
        return false;
    }
    let is_named = text.contains("model") || text.contains("deployment");
    param == "model" && !text.contains("support")
        || UNKNOWN_MODEL.iter().any(|phrase| text.contains(phrase))
        || is_named && MISSING.iter().any(|phrase| text.contains(phrase))
}

const QUOTA_CODES: [&str; 3] = ["insufficient_quota", "billing_hard_limit_reached", "insufficient_credits"];

/// `no_db_connection`: LiteLLM without a database looks a key up there that is not its master key.
const KEY_CODES: [&str; 2] = ["invalid_api_key", "no_db_connection"];
const KEY: [&str; 7] = ["api key", "api_key", "apikey", "api-key", "access token", "bearer token", "authentication"];
const KEY_REFUSED: [&str; 12] = [
    "not valid",
    "invalid",
    "incorrect",
    "wrong",
    "missing",
    "expired",
    "provide",
    "required",
    "no api key",
    "rejected",
    "failed",
    "error",
];

const PATH: [&str; 6] =
    ["invalid url", "unknown request url", "unexpected endpoint", "cannot post", "no route", "no such page"];

const UNKNOWN_MODEL: [&str; 7] = [
    "unknown model",
    "no such model",
    "invalid model",
    "not a valid model",
    "try pulling it first",
    "model_not_found",
    "no endpoints found for",
];
const MISSING: [&str; 6] =
    ["not found", "does not exist", "doesn't exist", "not exist", "is not available", "is not loaded"];

/// How servers say that they don't know a parameter or can't do something.
const UNSUPPORTED: [&str; 14] = [
    "unsupported",
    "not support",
    "n't support",
    "unrecognized",
    "unknown",
    "unexpected",
    "extra inputs",
    "not permitted",
    "not allowed",
    "not enabled",
    "not implemented",
    "not available",
    "invalid",
    "no support",
];

/// How servers name the answer's format when they don't know it or can't compile it.
const FORMAT: [&str; 28] = [
    "response_format",
    "response format",
    "responseformat",
    "response_schema",
    "response schema",
    "json_schema",
    "json schema",
    "json_object",
    "json mode",
    "json_mode",
    "json output",
    "grammar",
    "structured output",
    "structured_output",
    "guided",
    "constrained",
    "sampler",
    "vocabulary required for format",
    "for format",
    "additionalproperties",
    "additional_properties",
    "too many states",
    "schema",
    "outlines",
    "requested parameters",
    "regex",
    "format is not",
    "output format",
];

const INVALID_REPLY: [&str; 3] = ["failed to generate json", "failed_generation", "generated json does not match"];

/// Not the bare word, which is in "upstream", too.
const STREAM: [&str; 8] = [
    "'stream'",
    "\"stream\"",
    "`stream`",
    "streaming",
    "to stream",
    "stream mode",
    "stream parameter",
    "parameter stream",
];

/// How servers name a message with instructions.
const SYSTEM_ROLE: [&str; 16] = [
    "system role",
    "role system",
    "role 'system'",
    "role: system",
    "role: 'system'",
    "role \"system\"",
    "role `system`",
    "'system'",
    "\"system\"",
    "`system`",
    "system message",
    "system prompt",
    "system instruction",
    "developer instruction",
    "developer message",
    "'developer'",
];
const ROLE_RULES: [&str; 5] = ["must be", "instead", "only user", "expected", "cannot"];
const ROLES_ALTERNATE: [&str; 3] = ["roles must alternate", "must alternate between", "first message must be"];

#[cfg(test)]
mod tests {
    use super::*;
    use Subject::*;

    /// Status, body, and what it is about first.
    const REFUSALS: [(u16, &str, Option<Subject>); 46] = [
        // The window, in a few words of many (see `overflow`).
        (
            400,
            r#"{"error":{"message":"maximum context length is 4096 tokens","code":"context_length_exceeded"}}"#,
            Some(Window),
        ),
        // Keys.
        (
            400,
            r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]"#,
            Some(Key),
        ),
        (
            400,
            r#"{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xx***yy."}"#,
            Some(Key),
        ),
        (400, r#"{"error":{"message":"API key expired. Please renew the API key."}}"#, Some(Key)),
        (
            400,
            r#"{"error":{"message":"No connected db.","type":"no_db_connection","param":null,"code":"400"}}"#,
            Some(Key),
        ),
        (401, "", Some(Key)),
        (403, "<html>forbidden</html>", Some(Key)),
        // Accounts and rates.
        (402, "", Some(Quota)),
        (429, r#"{"error":{"code":"insufficient_quota","message":"quota"}}"#, Some(Quota)),
        (429, r#"{"error":{"message":"the schema cache is rate limited"}}"#, Some(Rate)),
        // Models.
        (
            404,
            r#"{"error":{"message":"model 'qwen' not found, try pulling it first","type":"api_error"}}"#,
            Some(Model),
        ),
        (
            400,
            r#"{"error":{"message":"/chat/completions: Invalid model name passed in model=x. Call `/v1/models` to view available models for your key.","type":null,"param":null,"code":"400"}}"#,
            Some(Model),
        ),
        (400, r#"{"error":{"message":"x is not a valid model ID","code":400}}"#, Some(Model)),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist or you do not have access to it.","code":"model_not_found"}}"#,
            Some(Model),
        ),
        (404, r#"{"error":{"message":"No endpoints found for a/b.","code":404}}"#, Some(Model)),
        (
            400,
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            Some(Model),
        ),
        // Addresses.
        (404, "404 page not found", Some(Path)),
        (404, "<html>nginx</html>", Some(Path)),
        (404, "", Some(Path)),
        (404, r#"{"detail":"Not Found"}"#, Some(Path)),
        (404, r#"{"error":{"message":"Invalid URL (POST /chat/completions)"}}"#, Some(Path)),
        (405, r#"{"detail":"Method Not Allowed"}"#, Some(Path)),
        // The format.
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema'"}}]"#,
            Some(Format),
        ),
        (
            400,
            r#"{"error":{"message":"The specified schema produces a constraint that has too many states for serving."}}"#,
            Some(Format),
        ),
        (422, r#"{"detail":"structured outputs are not supported by this model"}"#, Some(Format)),
        (
            500,
            r#"{"error":{"code":500,"message":"error parsing grammar: unknown rule","type":"server_error"}}"#,
            Some(Format),
        ),
        (
            500,
            r#"{"error":{"message":"failed to load model vocabulary required for format","type":"api_error"}}"#,
            Some(Format),
        ),
        (400, r#"{"error":{"message":"This model does not support response format `json_schema`."}}"#, Some(Format)),
        (
            404,
            r#"{"error":{"message":"No endpoints found that can handle the requested parameters.","code":404}}"#,
            Some(Format),
        ),
        (501, r#"{"error":"guided decoding is not built in"}"#, Some(Format)),
        (
            400,
            r#"{"error":{"message":"Failed to generate JSON. See 'failed_generation'","code":"json_validate_failed"}}"#,
            Some(InvalidReply),
        ),
        // Streams.
        (
            400,
            r#"{"error":{"message":"Your organization must be verified to stream this model.","param":"stream","code":"unsupported_value"}}"#,
            Some(Stream),
        ),
        (400, r#"{"error":{"message":"streaming is not supported for this model"}}"#, Some(Stream)),
        (404, r#"{"error":{"message":"unknown field stream_options"}}"#, Some(StreamOptions)),
        (
            422,
            r#"{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
            Some(StreamOptions),
        ),
        // Instructions.
        (
            500,
            r#"{"error":{"code":500,"message":"System role not supported at row 1","type":"server_error"}}"#,
            Some(SystemRole),
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","param":"messages[0].role"}}"#,
            Some(SystemRole),
        ),
        (
            400,
            r#"{"error":{"message":"Developer instruction is not enabled for models/gemma-3-27b-it"}}"#,
            Some(SystemRole),
        ),
        (400, r#"{"error":{"message":"role 'system' is not allowed, use 'developer' instead"}}"#, Some(SystemRole)),
        (
            500,
            r#"{"error":{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}}"#,
            Some(SystemRole),
        ),
        // Other parameters.
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}"#,
            Some(LimitField),
        ),
        (400, r#"{"error":{"message":"'temperature' does not support 0.7 with this model."}}"#, Some(Temperature)),
        // Nothing known.
        (400, r#"{"error":{"message":"max_tokens is too large: 5000"}}"#, None),
        (500, r#"{"error":{"message":"internal server error"}}"#, None),
        (503, r#"{"error":{"message":"the grammar server is away"}}"#, None),
        (400, "", None),
    ];

    #[test]
    fn refusals_of_the_servers_in_use_are_told_apart() {
        for (status, body, subject) in REFUSALS {
            let found = subjects(status, &Complaint::of_body(body));
            assert_eq!(found.first().copied(), subject, "{status} {body}: {found:?}");
        }
    }
}
