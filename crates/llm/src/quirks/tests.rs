//! The steps from a refused form of a request to the one that a server accepts.

use super::*;
use crate::error_body::ErrorBody;
use crate::refusal::tests::SUBJECTS;
use crate::{Message, Role, Schema};
use serde_json::json;

fn refusal(status: u16, body: &str) -> Refusal {
    Refusal { status, error_body: ErrorBody::of_body(body) }
}

fn tutor() -> Request {
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    Request {
        messages: vec![message(Role::System, "규칙"), message(Role::User, "질문")],
        max_tokens: 800,
        temperature: 0.7,
        schema: Some(Schema { name: "tutor_feedback", schema: json!({ "type": "object" }) }),
        model: None,
        is_whole: false,
        purpose: "tutor",
    }
}

fn chat() -> Request {
    Request { schema: None, ..tutor() }
}

fn known() -> Quirks {
    Quirks::default()
}

#[test]
fn a_refused_schema_steps_down_whatever_the_words() {
    let object = Quirks { format: JsonMode::JsonObject, ..known() };
    let prompt = Quirks { format: JsonMode::Prompt, ..known() };
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.","type":"invalid_request_error","param":null,"code":null}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Invalid schema for response_format 'tutor_feedback': In context=(), 'additionalProperties' is required to be supplied and to be false.","type":"invalid_request_error","param":"response_format","code":null}}"#,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema': Cannot find field.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"The specified schema produces a constraint that has too many states for serving.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (
            400,
            r#"{"error":{"message":"This model does not support response format `json_schema`. See supported models at https://console.groq.com/docs/structured-outputs#supported-models","type":"invalid_request_error"}}"#,
        ),
        (422, r#"{"error":{"message":"structured outputs are not supported","type":"invalid_request_error"}}"#),
        (
            422,
            r#"{"detail":[{"type":"extra_forbidden","loc":["body","response_format"],"msg":"Extra inputs are not permitted","input":{}}]}"#,
        ),
        (
            400,
            r#"{"error":{"message":"This response_format type is unavailable now","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}"#,
        ),
        (400, r#"{"error":{"code":400,"message":"error parsing grammar","type":"invalid_request_error"}}"#),
        (500, r#"{"error":{"code":500,"message":"error parsing grammar: expecting name at","type":"server_error"}}"#),
        (
            400,
            r#"{"error":{"code":400,"message":"JSON schema conversion failed:\nUnrecognized schema: {}","type":"invalid_request_error"}}"#,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"Failed to initialize samplers: failed to parse grammar","type":"invalid_request_error"}}"#,
        ),
        (
            500,
            r#"{"error":{"message":"failed to load model vocabulary required for format","type":"api_error","param":null,"code":null}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"invalid format: \"\\\"json_schema\\\"\"; expected \"json\" or a valid JSON Schema object","type":"invalid_request_error"}}"#,
        ),
        (
            400,
            r#"{"object":"error","message":"The provided JSON schema contains features not supported by xgrammar.","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (501, r#"{"error":"guided decoding is not implemented for this backend"}"#),
        (501, "Not Implemented"),
        (404, r#"{"error":{"message":"No endpoints found that can handle the requested parameters.","code":404}}"#),
        (
            400,
            r#"{"error":{"message":"litellm.UnsupportedParamsError: ollama does not support parameters: ['response_format'], for model=x. To drop these, set `litellm.drop_params=True`","type":"None","param":null,"code":"400"}}"#,
        ),
        (400, "Bad Request"),
        (400, r#"{"error":{"message":"Input violates the constraints on a schema: additionalProperties"}}"#),
        (422, r#"{"error":"Input validation error: something odd","error_type":"validation"}"#),
    ] {
        let refusal = refusal(status, body);
        assert_eq!(known().after(&refusal, &tutor()), Some(object), "{body}");
        assert_eq!(object.after(&refusal, &tutor()), Some(prompt), "{body}");
        assert!(prompt.after(&refusal, &tutor()).is_none_or(|next| next.format == JsonMode::Prompt), "{body}");
    }
    let no_json = r#"{"error":{"message":"'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.","type":"invalid_request_error","param":"messages","code":null}}"#;
    assert_eq!(object.after(&refusal(400, no_json), &tutor()), Some(prompt));
}

#[test]
fn a_refusal_of_anything_else_leaves_the_schema() {
    for (server, status, body, subject) in SUBJECTS {
        if matches!(subject, Subject::Request | Subject::SomeParameter) {
            continue;
        }
        assert_eq!(known().after(&refusal(*status, body), &tutor()), None, "{server}: {body}");
        assert_eq!(known().after(&refusal(*status, body), &chat()), None, "{server}: {body}");
    }
}

#[test]
fn a_refused_stream_is_asked_for_whole() {
    let whole = Some(Quirks { stream: false, ..known() });
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Your organization must be verified to stream this model. Please go to: https://platform.openai.com/settings/organization/general and click on Verify Organization. If you just verified, it can take up to 15 minutes for access to propagate.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'stream' does not support true with this model. Supported values are: false.","type":"invalid_request_error","param":"stream","code":"unsupported_value"}}"#,
        ),
        (400, r#"{"error":{"message":"Streaming is not supported for this model"}}"#),
        (501, r#"{"error":{"message":"streaming not implemented; this server does not support streaming"}}"#),
        (422, r#"{"detail":[{"type":"literal_error","loc":["body","stream"],"msg":"stream must be false"}]}"#),
    ] {
        assert_eq!(known().after(&refusal(status, body), &chat()), whole, "{body}");
        assert_eq!(known().after(&refusal(status, body), &tutor()), whole, "{body}");
    }
}

#[test]
fn refused_stream_options_are_left_out_whatever_the_status() {
    let without = Some(Quirks { stream_options: false, ..known() });
    for (status, body) in [
        (
            400,
            r#"{"error":{"message":"Unrecognized request argument supplied: stream_options","type":"invalid_request_error"}}"#,
        ),
        (404, r#"{"error":{"message":"stream_options is not supported","code":404}}"#),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error","param":null,"code":null}"#,
        ),
        (500, r#"{"error":{"message":"got an unexpected keyword argument 'stream_options'"}}"#),
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"stream_options\": Cannot find field.","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (400, r#"{"error":{"message":"Stream options can only be defined when `stream=True`: include_usage"}}"#),
    ] {
        assert_eq!(known().after(&refusal(status, body), &chat()), without, "{body}");
        assert_eq!(known().after(&refusal(status, body), &tutor()), without, "{body}");
    }
}

#[test]
fn refused_roles_move_the_instructions() {
    let with = |instructions| Some(Quirks { instructions, ..known() });
    for (status, body) in [
        (
            400,
            r#"{"object":"error","message":"System role not supported","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"System role not supported at row 1, column 40:\n{{ raise_exception('System role not supported') }}","type":"server_error"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","type":"invalid_request_error","param":"messages[0].role","code":"unsupported_value"}}"#,
        ),
        (
            400,
            r#"{"object":"error","message":"Conversation roles must alternate user/assistant/user/assistant/...","type":"BadRequestError","param":null,"code":400}"#,
        ),
        (
            422,
            r#"{"error":"Template error: invalid operation: Conversation roles must alternate user/assistant/user/assistant/... (in <string>:1)","error_type":"template_error"}"#,
        ),
        (
            400,
            r#"[{"error":{"code":400,"message":"Developer instruction is not enabled for models/gemma-3-27b-it","status":"INVALID_ARGUMENT"}}]"#,
        ),
        (400, r#"{"error":{"message":"This model does not support system prompts"}}"#),
        (
            422,
            r#"{"detail":[{"type":"literal_error","loc":["body","messages",0,"role"],"msg":"Input should be 'user' or 'assistant'"}]}"#,
        ),
        (400, r#"{"error":{"message":"Expected role to be one of: user, assistant"}}"#),
        (400, r#"{"error":{"message":"messages: first message must use the \"user\" role"}}"#),
        (400, r#"{"error":{"message":"Invalid role: system. Only user and assistant roles are supported!"}}"#),
    ] {
        assert_eq!(known().after(&refusal(status, body), &tutor()), with(InstructionRole::FirstUser), "{body}");
        assert_eq!(known().after(&refusal(status, body), &chat()), with(InstructionRole::FirstUser), "{body}");
    }
    let developer = r#"{"error":{"message":"Unsupported value: 'system' is not a valid role for this model. Use 'developer' instead.","param":"messages[0].role"}}"#;
    assert_eq!(known().after(&refusal(400, developer), &chat()), with(InstructionRole::Developer));
    let neither = r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'developer' with this model.","param":"messages[0].role"}}"#;
    let asked = Quirks { instructions: InstructionRole::Developer, ..known() };
    assert_eq!(asked.after(&refusal(400, neither), &chat()), with(InstructionRole::FirstUser));
    // Roles that can't be put otherwise are no reason to ask again.
    let alternate = refusal(400, r#"{"error":{"message":"Conversation roles must alternate"}}"#);
    let alone = Request { messages: chat().messages.split_off(1), ..chat() };
    assert_eq!(known().after(&alternate, &alone), None);
}

#[test]
fn a_refusal_in_few_words_leads_to_the_next_form() {
    for (status, body, next) in [
        (
            400,
            r#"[{"error":{"code":400,"message":"Invalid JSON payload received. Unknown name \"additionalProperties\" at 'generation_config.response_schema'"}}]"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"The specified schema produces a constraint that has too many states for serving."}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            422,
            r#"{"detail":"structured outputs are not supported by this model"}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"error parsing grammar: unknown rule","type":"server_error"}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            500,
            r#"{"error":{"message":"failed to load model vocabulary required for format","type":"api_error"}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"This model does not support response format `json_schema`."}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            404,
            r#"{"error":{"message":"No endpoints found that can handle the requested parameters.","code":404}}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            501,
            r#"{"error":"guided decoding is not built in"}"#,
            Some(Quirks { format: JsonMode::JsonObject, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Your organization must be verified to stream this model.","param":"stream","code":"unsupported_value"}}"#,
            Some(Quirks { stream: false, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"streaming is not supported for this model"}}"#,
            Some(Quirks { stream: false, ..known() }),
        ),
        (
            404,
            r#"{"error":{"message":"unknown field stream_options"}}"#,
            Some(Quirks { stream_options: false, ..known() }),
        ),
        (
            422,
            r#"{"detail":[{"loc":["body","stream_options"],"msg":"Extra inputs are not permitted"}]}"#,
            Some(Quirks { stream_options: false, ..known() }),
        ),
        (
            500,
            r#"{"error":{"code":500,"message":"System role not supported at row 1","type":"server_error"}}"#,
            Some(Quirks { instructions: InstructionRole::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","param":"messages[0].role"}}"#,
            Some(Quirks { instructions: InstructionRole::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Developer instruction is not enabled for models/gemma-3-27b-it"}}"#,
            Some(Quirks { instructions: InstructionRole::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"role 'system' is not allowed, use 'developer' instead"}}"#,
            Some(Quirks { instructions: InstructionRole::Developer, ..known() }),
        ),
        (
            500,
            r#"{"error":{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}}"#,
            Some(Quirks { instructions: InstructionRole::FirstUser, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}"#,
            Some(Quirks { completion_limit: true, ..known() }),
        ),
        (
            400,
            r#"{"error":{"message":"'temperature' does not support 0.7 with this model."}}"#,
            Some(Quirks { temperature: false, ..known() }),
        ),
        (400, r#"{"error":{"message":"max_tokens is too large: 5000"}}"#, None),
        (500, r#"{"error":{"message":"internal server error"}}"#, None),
        (503, r#"{"error":{"message":"the grammar server is away"}}"#, None),
    ] {
        let request = if next.is_none() { chat() } else { tutor() };
        assert_eq!(known().after(&refusal(status, body), &request), next, "{status} {body}");
    }
}

#[test]
fn other_parameters_are_switched_or_dropped() {
    let after = |message: &str| {
        let error_body = ErrorBody { message: message.into(), ..ErrorBody::default() };
        known().after(&Refusal { status: 400, error_body }, &chat())
    };
    let openai =
        "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
    assert_eq!(after(openai), Some(Quirks { completion_limit: true, ..known() }));
    let openai = "Unsupported value: 'temperature' does not support 0.7 with this model.";
    assert_eq!(after(openai), Some(Quirks { temperature: false, ..known() }));
    let strict = "Extra inputs are not permitted: stream_options";
    assert_eq!(after(strict), Some(Quirks { stream_options: false, ..known() }));
    for message in ["", "max_tokens is too large: 5000", "this model's maximum context length is 4096 tokens"] {
        assert_eq!(after(message), None, "{message}");
    }
}

#[test]
fn a_server_that_refuses_everything_is_asked_a_bounded_number_of_times() {
    let everything =
        "unknown: response_format, stream_options, 'stream', max_tokens, temperature, 'system' for 'developer'";
    let error_body = ErrorBody { message: everything.into(), ..ErrorBody::default() };
    let refusal = Refusal { status: 400, error_body };
    let steps = std::iter::successors(Some(known()), |quirks| quirks.after(&refusal, &tutor())).count();
    assert_eq!(steps, 9);
}

#[test]
fn a_server_without_streams_or_a_system_role_is_recognised_by_its_words() {
    let without_stream = Quirks { stream: false, ..known() };
    for (status, body) in [(501, "stream not implemented"), (400, "Only non-streaming requests are supported")] {
        assert_eq!(known().after(&refusal(status, body), &chat()), Some(without_stream), "{body}");
    }
    let first_user = Quirks { instructions: InstructionRole::FirstUser, ..known() };
    for body in ["only user and model roles are supported", "Role must be one of: only user, model"] {
        let body = format!(r#"{{"error":{{"message":"{body}"}}}}"#);
        assert_eq!(known().after(&refusal(400, &body), &chat()), Some(first_user), "{body}");
    }
}
