//! The tokens of a call are counted, however the call ends.

use super::*;
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::Method;
use support::soon;

#[tokio::test]
async fn tokens_of_an_answer_are_counted_when_the_client_disconnects() {
    for path in ["/api/v1/chat/chat/stream", "/api/v1/chat/chat"] {
        let app = TestApp::start().await;
        app.openai.set(CHAT, Behaviour::text(["하나 ", "둘"]).gate_at(1));
        let call = app.student().call(Method::POST, path).json(&json!({ "message": "네?" }));
        if path.ends_with("stream") {
            let mut events = call.open().await.bytes_stream().eventsource();
            soon("the first piece", events.next()).await.unwrap().unwrap();
        } else {
            let waiting = tokio::spawn(call.open());
            app.openai.wait_for_waiting(1).await;
            waiting.abort();
        }
        app.openai.wait_for_disconnects(1).await;
        let store = app.store().await;
        soon("the bill", async {
            while store.tokens_since(0).await.unwrap() < 100 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
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
