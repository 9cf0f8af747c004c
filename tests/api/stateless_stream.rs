//! `/api/v1/chat/chat/stream` as clients of the first version call it.

use super::*;
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::Method;
use support::soon;

const PATH: &str = "/api/v1/chat/chat/stream";

#[tokio::test]
async fn an_answer_comes_in_pieces_and_ends_with_done() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["하나 ", "둘 ", "\"셋\"\n"]));
    let body = r#"{"message":"테스트","topic":"테스트","conversation_history":[]}"#;
    let call = app.student().call(Method::POST, PATH).header("content-type", "application/json").body(body);
    let reply = call.send().await.expect(200);
    assert_eq!(reply.header("content-type"), "text/event-stream");
    assert_eq!(reply.header("x-accel-buffering"), "no");
    assert_eq!(
        reply.text(),
        "data: {\"content\":\"하나 \"}\n\ndata: {\"content\":\"둘 \"}\n\n\
         data: {\"content\":\"\\\"셋\\\"\\n\"}\n\ndata: {\"content\":\"[DONE]\"}\n\n"
    );
    assert_eq!(app.calls(TUTOR), 0);
}

#[tokio::test]
async fn the_first_piece_is_sent_at_once() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["하나", "둘"]).gate_at(1));
    let response = app.student().call(Method::POST, PATH).json(&json!({ "message": "네?" })).open().await;
    let mut events = response.bytes_stream().eventsource();
    let first = soon("the first piece", events.next()).await.unwrap().unwrap();
    assert_eq!(first.data, r#"{"content":"하나"}"#);
    app.openai.release_all(CHAT);
    let rest: Vec<_> = events.map(|event| event.unwrap().data).collect().await;
    assert_eq!(rest, [r#"{"content":"둘"}"#, r#"{"content":"[DONE]"}"#]);
}

#[tokio::test]
async fn the_prompt_contains_the_topic_and_the_age_of_the_student() {
    let app = TestApp::start().await;
    let body = json!({ "messages": [{ "role": "user", "content": QUESTION }], "topic": "우리 동네 하천" });
    app.student().post(PATH, body).await.expect(200);
    let messages = app.openai.requests_for(CHAT)[0].body["messages"].clone();
    assert_eq!(messages[0]["role"], "system");
    assert!(messages[0]["content"].as_str().unwrap().contains("12~15세"));
    assert_eq!(messages[1]["role"], "user");
    let user = messages[1]["content"].as_str().unwrap();
    assert!(user.contains("우리 동네 하천") && user.contains(QUESTION), "{user}");
}

#[tokio::test]
async fn closing_the_stream_cancels_the_call_of_the_model() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let response = app.student().call(Method::POST, PATH).json(&json!({ "message": "네?" })).open().await;
    app.openai.wait_for_waiting(1).await;
    drop(response);
    app.openai.wait_for_disconnects(1).await;
}

#[tokio::test]
async fn a_failure_before_the_first_word_is_a_problem() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::status(500, "internals"));
    let reply = app.student().post(PATH, json!({ "message": "네?" })).await;
    reply.problem(502, "model");
    assert!(!reply.text().contains("internals"));
}

#[tokio::test]
async fn a_broken_answer_sends_an_error_before_the_end() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["하나", "둘"]) });
    let text = app.student().post(PATH, json!({ "message": "네?" })).await.expect(200).text();
    let data: Vec<Value> = text
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .map(|data| serde_json::from_str(data).unwrap())
        .collect();
    assert_eq!(data[0], json!({ "content": "하나" }));
    assert!(data[1]["error"].as_str().unwrap().contains("끊겼어요"), "{text}");
    assert_eq!(data[2], json!({ "content": "[DONE]" }));
}

#[tokio::test]
async fn a_filtered_answer_sends_an_error_before_the_end() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { finish: Some("content_filter".into()), ..Behaviour::text(["하나"]) });
    let text = app.student().post(PATH, json!({ "message": "네?" })).await.expect(200).text();
    assert!(text.contains("\"error\""), "{text}");
    assert!(text.ends_with("data: {\"content\":\"[DONE]\"}\n\n"), "{text}");
}

#[tokio::test]
async fn the_token_usage_of_a_streamed_answer_is_stored() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["하나", "둘"]));
    app.student().post(PATH, json!({ "message": "네?" })).await.expect(200);
    assert_eq!(app.store().await.tokens_since(0).await.unwrap(), 102);
}
