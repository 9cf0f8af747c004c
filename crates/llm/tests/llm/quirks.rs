//! Servers that refuse parameters.

use super::*;
use openai::{Behaviour, Rule, When};

fn refusing(names: &[&str]) -> Behaviour {
    Behaviour { reject: names.iter().map(|name| (*name).to_owned()).collect(), ..Behaviour::default() }
}

#[tokio::test]
async fn what_a_server_refuses_costs_one_more_call_once() {
    let server = FakeOpenAi::start().await;
    for (refused, instead) in
        [("max_tokens", Some("max_completion_tokens")), ("temperature", None), ("stream_options", None)]
    {
        server.reset();
        server.set(CHAT, refusing(&[refused]));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..3 {
            client.complete(chat()).await.unwrap();
        }
        let bodies: Vec<_> = server.requests().into_iter().map(|call| call.body).collect();
        let carries: Vec<bool> = bodies.iter().map(|body| body.get(refused).is_some()).collect();
        assert_eq!(carries, [true, false, false, false], "{refused}");
        if let Some(instead) = instead {
            assert_eq!(bodies[3][instead], 1000);
        }
    }
}

#[tokio::test]
async fn a_schema_steps_down_to_any_json_and_then_to_the_prompt_alone() {
    let server = FakeOpenAi::start().await;
    for (refused, kinds) in [
        ("json_schema", vec![Some("json_schema"), Some("json_object"), Some("json_object")]),
        ("response_format", vec![Some("json_schema"), Some("json_object"), None, None]),
    ] {
        server.reset();
        server.set(Purpose::Tutor, refusing(&[refused]));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            assert!(client.complete(tutor()).await.unwrap().text.contains("하늘은"));
        }
        let bodies = server.requests_for(Purpose::Tutor);
        let sent: Vec<_> = bodies.iter().map(|call| call.body["response_format"]["type"].as_str()).collect();
        assert_eq!(sent, kinds, "{refused}");
    }
}

#[tokio::test]
async fn each_model_is_learned_by_itself() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    server.queue(CHAT, refusing(&["temperature"]));
    server.queue(CHAT, refusing(&["temperature"]));
    client.complete(chat()).await.unwrap();
    client.complete(Request { model: Some("other".into()), ..chat() }).await.unwrap();
    client.complete(chat()).await.unwrap();
    let sent: Vec<_> = server.requests().iter().map(|call| call.body["temperature"].as_f64()).collect();
    assert_eq!(sent, [Some(0.7), None, Some(0.7), None]);
}

#[tokio::test]
async fn nothing_is_learned_from_a_server_that_refuses_anyway() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    server.queue(CHAT, Behaviour::error(400, "", "temperature is unsupported"));
    server.queue(CHAT, Behaviour::error(400, "", "the sky is unsupported"));
    assert!(matches!(client.complete(chat()).await, Err(Error::BadRequest { .. })));
    client.complete(chat()).await.unwrap();
    assert_eq!(server.requests()[2].body["temperature"], 0.7);
    assert_eq!(calls(&server), 3);
}

#[tokio::test]
async fn everything_at_once_is_learned_too() {
    let server = FakeOpenAi::start().await;
    let all = ["response_format", "stream_options", "max_tokens", "temperature"];
    server.set(Purpose::Tutor, refusing(&all));
    let client = client(settings(&server));
    client.complete(tutor()).await.unwrap();
    assert_eq!(calls(&server), 6);
    client.complete(tutor()).await.unwrap();
    assert_eq!(calls(&server), 7);
}

fn refusal(status: u16, message: &str) -> Behaviour {
    Behaviour::error(status, "", message)
}

#[tokio::test]
async fn a_schema_refused_in_any_words_steps_down_and_is_remembered() {
    let server = FakeOpenAi::start().await;
    for (status, message) in [
        (400, "Invalid JSON payload received. Unknown name \"additionalProperties\""),
        (400, "The specified schema produces a constraint that has too many states for serving."),
        (422, "structured outputs are not supported"),
        (500, "error parsing grammar"),
        (500, "failed to load model vocabulary required for format"),
        (404, "No endpoints found that can handle the requested parameters."),
        (501, "that is beyond us"),
        (400, "computer says no"),
    ] {
        server.reset();
        server.queue(Purpose::Tutor, refusal(status, message));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            client.complete(tutor()).await.unwrap();
        }
        let sent = server.requests_for(Purpose::Tutor);
        let kinds: Vec<_> = sent.iter().map(|call| call.body["response_format"]["type"].as_str()).collect();
        assert_eq!(kinds, [Some("json_schema"), Some("json_object"), Some("json_object")], "{message}");
    }
}

#[tokio::test]
async fn one_refusal_in_unknown_words_does_not_give_up_a_schema_that_was_accepted() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    let refused_once = [false, true, false, true, true, false];
    for is_refused in refused_once {
        if is_refused {
            server.queue(Purpose::Tutor, refusal(400, "Upstream request failed"));
        }
        client.complete(tutor()).await.unwrap();
    }
    let sent = server.requests_for(Purpose::Tutor);
    let kinds: Vec<_> = sent.iter().map(|call| call.body["response_format"]["type"].as_str().unwrap()).collect();
    let (schema, object) = ("json_schema", "json_object");
    let once = [schema, schema, object, schema];
    let twice_in_a_row = [schema, object, schema, object, object];
    assert_eq!(kinds, [&once[..], &twice_in_a_row].concat());
}

#[tokio::test]
async fn a_reply_that_failed_its_schema_is_asked_for_once_more_as_it_was() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    server.queue(Purpose::Tutor, Behaviour::error(400, "json_validate_failed", "Failed to generate JSON."));
    for _ in 0..2 {
        client.complete(tutor()).await.unwrap();
    }
    let sent = server.requests_for(Purpose::Tutor);
    assert!(sent.iter().all(|call| call.body["response_format"]["type"] == "json_schema"));
    assert_eq!(sent.len(), 3);
}

#[tokio::test]
async fn stream_options_refused_with_any_status_are_dropped() {
    let server = FakeOpenAi::start().await;
    for status in [400, 404, 422] {
        server.reset();
        server.queue(CHAT, refusal(status, "unknown field: stream_options"));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            client.complete(chat()).await.unwrap();
        }
        let carries: Vec<_> = server.requests().iter().map(|call| call.body.get("stream_options").is_some()).collect();
        assert_eq!(carries, [true, false, false], "{status}");
    }
}

#[tokio::test]
async fn an_account_that_may_not_stream_gets_its_answer_in_one_piece() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    let error = json!({ "error": { "message": "Your organization must be verified to stream this model.",
        "type": "invalid_request_error", "param": "stream", "code": "unsupported_value" } });
    server.queue(CHAT, Behaviour::status(400, error.to_string()));
    server.set(CHAT, Behaviour { plain: true, ..Behaviour::text(["하늘은 ", "파래요."]) });
    for _ in 0..2 {
        let (texts, end) = read(client.stream(chat()).await.unwrap()).await;
        assert_eq!(texts.concat(), "하늘은 파래요.");
        end.unwrap();
    }
    let sent: Vec<_> = server.requests().iter().map(|call| call.body.get("stream").is_some()).collect();
    assert_eq!(sent, [true, false, false]);
    assert_eq!(server.requests()[1].headers["accept"], "application/json");
    assert_eq!(server.requests()[1].body.get("stream_options"), None);
}

#[tokio::test]
async fn instructions_go_where_a_model_takes_them_and_that_is_remembered() {
    let server = FakeOpenAi::start().await;
    for (status, message, roles, count) in [
        (500, "System role not supported", "user", 1),
        (400, "System role not supported", "user", 1),
        (400, "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "user", 1),
        (400, "Developer instruction is not enabled for models/gemma-3-27b-it", "user", 1),
        (400, "Unsupported role 'system', use 'developer' instead", "developer", 2),
    ] {
        server.reset();
        server.queue(CHAT, refusal(status, message));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            client.complete(chat()).await.unwrap();
        }
        assert_eq!(calls(&server), 3, "{message}");
        for call in &server.requests()[1..] {
            let messages = call.body["messages"].as_array().unwrap();
            assert_eq!((messages[0]["role"].as_str(), messages.len()), (Some(roles), count), "{message}");
            assert!(messages[0]["content"].as_str().unwrap().starts_with("너는 도우미야."));
        }
    }
}

#[tokio::test]
async fn what_is_clearly_about_something_else_costs_one_call() {
    let server = FakeOpenAi::start().await;
    for (refused, error) in [
        (refusal(400, "API key not valid. Please pass a valid API key."), Error::Unauthorized),
        (refusal(400, "Incorrect API key provided: xx***yy."), Error::Unauthorized),
        (refusal(400, "Invalid model name passed in model=x"), Error::ModelMissing),
        (Behaviour::status(404, "<html>nginx</html>"), Error::PathMissing),
    ] {
        server.reset();
        server.set(Purpose::Tutor, refused);
        let client = client(Settings { retries: 0, ..settings(&server) });
        assert_eq!(client.complete(tutor()).await, Err(error));
        assert_eq!(calls(&server), 1);
    }
}

fn roles(body: &serde_json::Value) -> Vec<&str> {
    body["messages"].as_array().unwrap().iter().map(|message| message["role"].as_str().unwrap()).collect()
}

fn bodies(server: &FakeOpenAi) -> Vec<serde_json::Value> {
    server.requests().into_iter().map(|call| call.body).collect()
}

#[tokio::test]
async fn a_server_that_may_not_stream_is_asked_for_the_whole_answer_and_remembered() {
    let server = FakeOpenAi::start().await;
    server.set(CHAT, Behaviour::refusing([Rule::unverified()]));
    // The whole answer comes timed_out: its first byte comes with its last.
    let first_token_timeout = Duration::from_millis(300);
    let client = client(Settings { retries: 0, first_token_timeout, ..settings(&server) });
    for _ in 0..2 {
        let (texts, end) = read(client.stream(chat()).await.unwrap()).await;
        assert_eq!(texts, [openai::canned::CHAT.concat()]);
        assert_eq!(end.unwrap().usage.prompt_tokens, 100);
    }
    let bodies = bodies(&server);
    let streams: Vec<_> = bodies.iter().map(|body| body["stream"] == true).collect();
    assert_eq!(streams, [true, false, false]);
    assert!(bodies[1].get("stream_options").is_none());
    assert_eq!(server.requests()[1].headers["accept"], "application/json");
    assert_eq!(server.requests()[0].headers["accept"], "text/event-stream");

    let timed_out = Behaviour { first_ms: 600, ..Behaviour::refusing([Rule::unverified()]) };
    server.queue(CHAT, timed_out);
    assert!(client.complete(chat()).await.is_ok(), "silence until the whole answer is there is no silence");
}

#[tokio::test]
async fn instructions_go_where_the_model_takes_them() {
    let server = FakeOpenAi::start().await;
    let o1 = "Unsupported value: 'messages[0].role' does not support 'system' with this model.";
    let developer = "'system' is not a valid role for this model. Use 'developer' instead.";
    let alternate = "Conversation roles must alternate user/assistant/user/assistant/...";
    let (ours, theirs): (&[&str], &[&str]) = (&["system", "user"], &["user"]);
    for (rules, forms) in [
        (vec![Rule::new(When::SystemRole, 400, "System role not supported")], vec![ours, theirs]),
        (vec![Rule::new(When::SystemRole, 500, "System role not supported at row 1")], vec![ours, theirs]),
        (vec![Rule::new(When::InstructionRole, 400, o1)], vec![ours, theirs]),
        (vec![Rule::new(When::RolesInDisorder, 400, alternate)], vec![ours, theirs]),
        (vec![Rule::new(When::SystemRole, 400, developer)], vec![ours, &["developer", "user"]]),
        (
            vec![
                Rule::new(When::SystemRole, 400, developer),
                Rule::new(When::InstructionRole, 400, "unsupported role: developer role is not known"),
            ],
            vec![ours, &["developer", "user"], theirs],
        ),
    ] {
        server.reset();
        let what = format!("{rules:?}");
        server.set(CHAT, Behaviour { rules, ..Behaviour::default() });
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            client.complete(chat()).await.unwrap_or_else(|error| panic!("{error} for {what}"));
        }
        let bodies = bodies(&server);
        let sent: Vec<_> = bodies.iter().map(roles).collect();
        let wanted: Vec<_> = forms.iter().chain(forms.last()).map(|form| form.to_vec()).collect();
        assert_eq!(sent, wanted, "{what}");
        let last = &bodies.last().unwrap()["messages"];
        assert!(last[0]["content"].as_str().unwrap().starts_with("너는 도우미야."), "{last}");
    }
}

#[tokio::test]
async fn a_refused_schema_steps_down_once_whatever_status_it_is_refused_with() {
    let server = FakeOpenAi::start().await;
    for (status, message) in [
        (400, "Invalid JSON payload received. Unknown name \"additionalProperties\": Cannot find field."),
        (400, "The specified schema produces a constraint that has too many states for serving."),
        (422, "structured outputs are not supported"),
        (500, "error parsing grammar"),
        (500, "failed to load model vocabulary required for format"),
        (501, "this backend can't do that"),
        (404, "No endpoints found that can handle the requested parameters."),
    ] {
        server.reset();
        server.set(Purpose::Tutor, Behaviour::refusing([Rule::new(When::JsonSchema, status, message)]));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            assert!(client.complete(tutor()).await.unwrap().text.contains("하늘은"), "{message}");
        }
        let sent: Vec<_> = server.requests().iter().map(|call| call.body["response_format"]["type"].clone()).collect();
        assert_eq!(sent, ["json_schema", "json_object", "json_object"], "{message}");
    }
}

#[tokio::test]
async fn json_that_the_model_failed_to_write_is_tried_once_more_as_it_is() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    let failed = || Behaviour::error(400, "json_validate_failed", "Failed to generate JSON.");
    let formats = |server: &FakeOpenAi| -> Vec<_> {
        server.requests().iter().map(|call| call.body["response_format"]["type"].as_str().map(str::to_owned)).collect()
    };
    let schema = || Some("json_schema".to_owned());
    server.queue(Purpose::Tutor, failed());
    client.complete(tutor()).await.unwrap();
    assert_eq!(formats(&server), [schema(), schema()]);

    server.reset();
    server.queue(Purpose::Tutor, failed());
    server.queue(Purpose::Tutor, failed());
    client.complete(tutor()).await.unwrap();
    client.complete(tutor()).await.unwrap();
    assert_eq!(formats(&server), [schema(), schema(), None, schema()], "the model's lapse is not remembered");
}

#[tokio::test]
async fn stream_options_are_dropped_whatever_status_they_are_refused_with() {
    let server = FakeOpenAi::start().await;
    for status in [400, 404, 422, 500] {
        server.reset();
        server.set(
            CHAT,
            Behaviour::refusing([Rule::new(When::StreamOptions, status, "stream_options is not supported")]),
        );
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            client.complete(chat()).await.unwrap();
        }
        let carries: Vec<_> = bodies(&server).iter().map(|body| body.get("stream_options").is_some()).collect();
        assert_eq!(carries, [true, false, false], "{status}");
    }
}

#[tokio::test]
async fn a_base_url_without_v1_is_put_right_and_remembered() {
    let server = FakeOpenAi::start().await;
    for (status, elsewhere) in [
        (404, "404 page not found"),
        (404, r#"{"detail":"Not Found"}"#),
        (405, "<html>405 Not Allowed</html>"),
        (200, r#"{"error":"Unexpected endpoint or method. (POST /chat/completions)"}"#),
    ] {
        for base in ["", "/", "/chat/completions", "/api", "/api/chat"] {
            server.reset();
            server.serve_only_at("/v1", status, elsewhere);
            let base_url = format!("{}{base}", server.url());
            let client = client(Settings { retries: 0, base_url, ..settings(&server) });
            for _ in 0..3 {
                client.complete(chat()).await.unwrap_or_else(|error| panic!("{error} at {base}: {elsewhere}"));
            }
            assert_eq!(calls(&server), 3);
            assert!(server.stats().strays <= 2, "remembered: {base}");
            assert_eq!(client.deviations(None), [Deviation::Path("/v1/chat/completions".into())]);
        }
    }
}

#[tokio::test]
async fn an_address_that_is_no_api_is_named_as_one() {
    let server = FakeOpenAi::start().await;
    server.serve_only_at("/openai/v1", 404, "404 page not found");
    let with = |base_url: String| client(Settings { base_url, ..settings(&server) });
    for base in ["", "/v1", "/v1/chat/completions", "/other"] {
        let error = with(format!("{}{base}", server.url())).complete(chat()).await;
        assert_eq!(error, Err(Error::PathMissing), "{base}");
    }
    assert_eq!(calls(&server), 0);
    assert!(with(format!("{}/openai?api-version=1", server.url())).complete(chat()).await.is_ok());
    assert_eq!(server.requests()[0].query, "api-version=1");
    server.set(CHAT, Behaviour::error(404, "", "model 'x' not found"));
    let error = with(format!("{}/openai/v1", server.url())).complete(chat()).await;
    assert_eq!(error, Err(Error::ModelMissing));
}

#[tokio::test]
async fn what_was_learned_is_forgotten_when_the_server_changes() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    let named = |behaviour: Behaviour, name: &str| behaviour.header("server", name);
    let temperatures = |server: &FakeOpenAi| -> Vec<_> {
        server.requests().iter().map(|call| call.body.get("temperature").is_some()).collect()
    };
    server.set(CHAT, named(refusing(&["temperature"]), "llama.cpp"));
    client.complete(chat()).await.unwrap();
    client.complete(chat()).await.unwrap();
    assert_eq!(temperatures(&server), [true, false, false]);
    assert_eq!(client.deviations(None), [Deviation::NoTemperature]);
    // The reply to the last call in the old form shows that another server answers.
    server.set(CHAT, named(Behaviour::default(), "uvicorn"));
    client.complete(chat()).await.unwrap();
    client.complete(chat()).await.unwrap();
    assert_eq!(temperatures(&server), [true, false, false, false, true]);

    server.set(CHAT, named(refusing(&["temperature"]), "uvicorn"));
    client.complete(chat()).await.unwrap();
    assert_eq!(client.deviations(None), [Deviation::NoTemperature]);
    let port = server.port();
    drop(server);
    assert_eq!(client.complete(chat()).await, Err(Error::Connect));
    assert_eq!(client.deviations(None), [], "who comes back may be another");
    let server = FakeOpenAi::start_on(port).await;
    client.complete(chat()).await.unwrap();
    assert_eq!(temperatures(&server), [true]);
}

#[tokio::test]
async fn what_was_learned_is_forgotten_when_the_server_refuses_it() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    server.set(CHAT, Behaviour::refusing([Rule::new(When::SystemRole, 400, "System role not supported")]));
    client.complete(chat()).await.unwrap();
    let other = serde_json::json!({ "error": { "message": "The first message must give instructions" } }).to_string();
    server.queue(CHAT, Behaviour::status(400, other));
    server.set(CHAT, Behaviour::default());
    client.complete(chat()).await.unwrap();
    let bodies = bodies(&server);
    let sent: Vec<_> = bodies.iter().map(roles).collect();
    assert_eq!(sent, [vec!["system", "user"], vec!["user"], vec!["user"], vec!["system", "user"]]);
    assert_eq!(client.deviations(None), []);
}
