//! The request body of the chat-completions API.

use super::message_roles;
use super::quirks::{JsonMode, Quirks};
use serde_json::{Value, json};

/// The request body for a model, without what it is known to refuse.
pub(super) fn body(request: &super::Request, model: &str, quirks: Quirks) -> Value {
    let messages = message_roles::messages(&request.messages, quirks.instructions);
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
            is_whole: false,
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
}
