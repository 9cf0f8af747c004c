//! The chat-completions wire format: requests, and what a server says went wrong.

use super::arrange;
use super::quirks::{JsonMode, Quirks};
use serde::Serialize;
use serde_json::{Value, json};

/// The request body for a model, without what it is known to refuse.
pub(super) fn body(request: &super::Request, model: &str, quirks: Quirks) -> Value {
    let messages = arrange::messages(&request.messages, quirks.instructions);
    let mut body = json!({ "model": model, "messages": messages });
    if quirks.stream {
        body["stream"] = true.into();
    }
    body[quirks.limit_field()] = request.max_tokens.into();
    if quirks.temperature {
        // Through text, for 0.7_f32 widens to 0.699999988079071.
        body["temperature"] = request.temperature.to_string().parse::<f64>().unwrap_or(0.0).into();
    }
    if quirks.stream && quirks.stream_options {
        body["stream_options"] = json!({ "include_usage": true });
    }
    match (&request.schema, quirks.format) {
        (Some(schema), JsonMode::Schema) => {
            let schema = json!({ "name": schema.name, "schema": schema.schema, "strict": true });
            body["response_format"] = json!({ "type": "json_schema", "json_schema": schema });
        }
        (Some(_), JsonMode::JsonObject) => body["response_format"] = json!({ "type": "json_object" }),
        _ => {}
    }
    body
}

/// What a server says went wrong.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ErrorBody {
    /// The number or word under `code`.
    pub(super) code: String,
    /// The word under `type`.
    pub(super) kind: String,
    /// The word under `status`, and better the `reason` in its details, as Google puts it.
    pub(super) reason: String,
    /// The field of the request it is about.
    pub(super) param: String,
    /// The sentence.
    pub(super) message: String,
    /// The size of the context window, as llama.cpp puts it beside the sentence.
    pub(super) window: Option<u32>,
}

impl ErrorBody {
    /// Reads `{"error":{…}}`, `{"error":"…"}`, `{"detail":…}` or the error itself; anything else becomes the sentence.
    pub(super) fn of_body(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(Value::Array(list)) => list.first().map(Self::of_value).unwrap_or_default(),
            Ok(value) => Self::of_value(&value),
            Err(_) => Self { message: body.trim().to_owned(), ..Self::default() },
        }
    }

    /// Reads the same from JSON.
    pub(super) fn of_value(value: &Value) -> Self {
        // Cloudflare gives a list.
        let listed = || value.get("errors").and_then(|errors| errors.get(0));
        let inner = value.get("error").or_else(|| value.get("detail")).or_else(listed).filter(|inner| !inner.is_null());
        let error = inner.unwrap_or(value);
        if !error.is_object() {
            return Self { message: plain(Some(error)), ..Self::default() };
        }
        let message = plain(error.get("message"));
        let message = if message.is_empty() { error.to_string() } else { message };
        let [code, kind, param] = ["code", "type", "param"].map(|key| plain(error.get(key)).to_lowercase());
        let reason = error
            .get("details")
            .and_then(Value::as_array)
            .and_then(|details| details.iter().find_map(|detail| detail.get("reason")))
            .or_else(|| error.get("status").filter(|status| status.is_string()));
        let reason = plain(reason).to_lowercase();
        let window = error.get("n_ctx").and_then(Value::as_u64).and_then(|size| size.try_into().ok());
        Self { code, kind, reason, param, message, window }
    }

    /// Whether it carries any of these words as its code or type.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        self.codes().any(|code| words.contains(&code))
    }

    /// Its words for programs.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        [&self.code, &self.kind, &self.reason].into_iter().map(String::as_str).filter(|code| !code.is_empty())
    }
}

fn plain(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Message, Request, Role, Schema};

    fn request(schema: bool) -> Request {
        Request {
            messages: vec![Message { role: Role::User, content: "하늘은 왜 파래요?".into() }],
            max_tokens: 800,
            temperature: 0.7,
            schema: schema.then(|| Schema { name: "tutor_feedback", schema: json!({ "type": "object" }) }),
            model: None,
            purpose: "tutor",
        }
    }

    #[test]
    fn a_request_asks_for_a_stream_with_usage_and_a_strict_schema() {
        assert_eq!(
            body(&request(true), "m", Quirks::default()),
            json!({
                "model": "m", "stream": true, "stream_options": { "include_usage": true },
                "messages": [{ "role": "user", "content": "하늘은 왜 파래요?" }],
                "max_tokens": 800, "temperature": 0.7,
                "response_format": { "type": "json_schema", "json_schema":
                    { "name": "tutor_feedback", "strict": true, "schema": { "type": "object" } } },
            })
        );
        assert_eq!(body(&request(false), "m", Quirks::default()).get("response_format"), None);
    }

    #[test]
    fn what_a_model_refuses_is_left_out() {
        let quirks = Quirks {
            completion_limit: true,
            temperature: false,
            stream_options: false,
            format: JsonMode::JsonObject,
            ..Quirks::default()
        };
        assert_eq!(
            body(&request(true), "m", quirks),
            json!({
                "model": "m", "stream": true, "max_completion_tokens": 800,
                "messages": [{ "role": "user", "content": "하늘은 왜 파래요?" }],
                "response_format": { "type": "json_object" },
            })
        );
    }

    #[test]
    fn a_whole_answer_is_asked_for_without_the_options_of_a_stream() {
        let body = body(&request(false), "m", Quirks { stream: false, ..Quirks::default() });
        assert_eq!((body.get("stream"), body.get("stream_options")), (None, None));
    }

    #[test]
    fn complaints_are_read_in_every_dress() {
        let plain = |message: &str| ErrorBody { message: message.into(), ..ErrorBody::default() };
        assert_eq!(ErrorBody::of_body(r#"{"error":"no such model"}"#), plain("no such model"));
        assert_eq!(ErrorBody::of_body(r#"{"detail":"Not Found"}"#), plain("Not Found"));
        assert_eq!(ErrorBody::of_body(" <h1>Bad Gateway</h1>\n"), plain("<h1>Bad Gateway</h1>"));
        assert_eq!(ErrorBody::of_body(""), plain(""));
        assert_eq!(ErrorBody::of_body("[]"), plain(""));
        let full = ErrorBody::of_body(r#"{"error":{"message":"no","type":"T","param":null,"code":404}}"#);
        assert_eq!(
            full,
            ErrorBody {
                code: "404".into(),
                kind: "t".into(),
                reason: String::new(),
                param: String::new(),
                message: "no".into(),
                window: None
            }
        );
        assert_eq!(ErrorBody::of_body(r#"{"object":"error","message":"no","code":null}"#), plain("no"));
        let listed = ErrorBody::of_body(r#"{"success":false,"errors":[{"code":5007,"message":"no such model"}]}"#);
        assert_eq!((listed.code.as_str(), listed.message.as_str()), ("5007", "no such model"));
        let google = r#"[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT","details":[{"@type":"x"},{"reason":"API_KEY_INVALID"}]}}]"#;
        assert_eq!(ErrorBody::of_body(google).reason, "api_key_invalid");
    }
}
