//! The body of an error response.

use serde::Serialize;
use serde_json::Value;

/// The parsed body of an error response.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct ErrorBody {
    /// The number or word under `code`.
    pub(super) code: String,
    /// The word under `type`.
    pub(super) kind: String,
    /// The word under `status`, and better the `reason` in its details, as Google puts it.
    pub(super) reason: String,
    /// The field of the request that the error is about.
    pub(super) param: String,
    /// The message.
    pub(super) message: String,
    /// The size of the context window, a field of llama.cpp.
    pub(super) window: Option<u32>,
}

impl ErrorBody {
    /// Reads `{"error":{…}}`, `{"error":"…"}`, `{"detail":…}` or the error itself; anything else becomes the message.
    pub(super) fn of_body(body: &str) -> Self {
        match serde_json::from_str::<Value>(body) {
            Ok(Value::Array(list)) => list.first().map(Self::of_value).unwrap_or_default(),
            Ok(value) => Self::of_value(&value),
            Err(_) => Self { message: body.trim().to_owned(), ..Self::default() },
        }
    }

    /// Parses JSON.
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

    /// Whether its code, type or reason is one of these words.
    pub(super) fn is(&self, words: &[&str]) -> bool {
        self.codes().any(|code| words.contains(&code))
    }

    /// Its code, type and reason.
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

    #[test]
    fn error_bodies_of_every_shape_are_read() {
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
