//! The tokens of a call are counted, however the call ends.

use super::*;
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::Method;
use support::soon;

/// Waits until this many tokens are stored.
async fn tokens(app: &TestApp, least: u64) {
    let store = app.store().await;
    soon("the bill", async {
        while store.tokens_since(0).await.unwrap() < least {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn tokens_of_an_answer_are_counted_when_the_client_disconnects() {
    for path in ["/api/v1/chat/chat/stream", "/api/v1/chat/chat"] {
        // Before the first word, and after it.
        for gate in [0, 1] {
            let app = TestApp::start().await;
            app.openai.set(CHAT, Behaviour::text(["하나 ", "둘"]).gate_at(gate));
            let call = app.student().call(Method::POST, path).json(&json!({ "message": "네?" }));
            if path.ends_with("stream") && gate > 0 {
                let mut events = call.open().await.bytes_stream().eventsource();
                soon("the first piece", events.next()).await.unwrap().unwrap();
            } else {
                let waiting = tokio::spawn(call.open());
                app.openai.wait_for_waiting(1).await;
                waiting.abort();
            }
            app.openai.wait_for_disconnects(1).await;
            tokens(&app, 100).await;
        }
    }
}

#[tokio::test]
async fn a_stateless_call_that_is_refused_costs_nothing() {
    for path in ["/api/v1/chat/chat/stream", "/api/v1/chat/chat"] {
        let app = TestApp::with(&["--daily-token-budget", "100"]).await;
        app.openai.set(CHAT, Behaviour::error(401, "invalid_api_key", "no"));
        for _ in 0..2 {
            app.student().post(path, json!({ "message": QUESTION })).await.expect(502);
        }
        assert_eq!(app.calls(TUTOR), 0);
        assert_eq!(app.store().await.tokens_since(0).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn tokens_of_broken_and_unreadable_feedback_are_counted() {
    let app = TestApp::start().await;
    app.openai.queue(TUTOR, Behaviour { cut_after: Some(1), ..Behaviour::text(["{", "}"]) });
    app.student().asked_and_answered(QUESTION).await;
    assert!(app.store().await.tokens_since(0).await.unwrap() > 1_000, "as an estimate");

    app.openai.queue(TUTOR, Behaviour { prompt_tokens: Some(100_000), ..Behaviour::text(["no feedback at all"]) });
    app.openai.queue(TUTOR, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(1).await;
    student.cancel(&turn).await.expect(204);
    tokens(&app, 100_000).await;
}

#[tokio::test]
async fn tokens_of_an_answer_cancelled_before_its_first_word_are_counted() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    app.openai.set(TUTOR, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(2).await;
    student.post(&format!("/api/v1/turns/{turn}/cancel"), json!(null)).await.expect(204);
    // Two system messages alone have more tokens.
    assert!(app.store().await.tokens_since(0).await.unwrap() > 1_000);
}

#[tokio::test]
async fn tokens_of_an_unreadable_guide_are_counted() {
    let app = TestApp::start().await;
    app.openai.set(GUIDE, Behaviour::text(["no guide at all"]));
    let call = app.student().call(Method::POST, "/api/v1/chat/initial-guide").header("prefer", "wait=20");
    call.json(&json!({ "topic": "과학 탐구" })).send().await.expect(200);
    assert!(app.store().await.tokens_since(0).await.unwrap() > 0);
}
