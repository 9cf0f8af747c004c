//! The limit of running turns.

use super::*;
use crate::support::eventually;
use reqwest::Method;

#[tokio::test]
async fn above_the_limit_of_turns_a_question_is_refused_and_not_stored() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    app.openai.queue(CHAT, Behaviour::default().gate_at(1));
    let (first, second) = (app.student(), app.student());
    let conversation = first.begin("과학 탐구").await;
    let turn = first.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(1).await;

    let waiting = second.begin("과학 탐구").await;
    let full = second.send(&waiting, QUESTION, Some("k")).await;
    let problem = full.problem(503, "full");
    assert_eq!(problem["title"], "지금 많은 친구들이 질문하고 있어요");
    assert_eq!(full.header("retry-after"), "5");
    assert_eq!(second.conversation(&waiting).await["turns"], json!([]));
    second.post("/api/v1/chat/chat", json!({ "message": QUESTION })).await.problem(503, "full");
    // Reads need no slot.
    second.get("/").await;
    second.get("/ready").await.expect(200);

    app.openai.release_all(CHAT);
    first.finish(&turn).await;
    // The slot is free once the answer is stored.
    let taken = eventually("a free place", async || {
        Some(second.send(&waiting, QUESTION, Some("k")).await).filter(|reply| reply.status == 202)
    })
    .await;
    second.finish(taken.json()["turn_id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_stateless_stream_holds_its_slot_until_it_ends_or_the_client_disconnects() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    app.openai.queue(CHAT, Behaviour::default().gate_at(1));
    let student = app.student();
    let body = json!({ "message": QUESTION });
    let stream = student.call(Method::POST, "/api/v1/chat/chat/stream").json(&body).open().await;
    assert_eq!(stream.status(), 200);
    app.openai.wait_for_waiting(1).await;
    student.post("/api/v1/chat/chat", body.clone()).await.problem(503, "full");
    drop(stream);
    app.openai.wait_for_disconnects(1).await;
    eventually("a free place", async || {
        (student.post("/api/v1/chat/chat", body.clone()).await.status == 200).then_some(())
    })
    .await;
}

#[tokio::test]
async fn calls_without_a_cookie_use_at_most_half_of_the_slots() {
    let app = TestApp::with(&["--max-turns", "4"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let (student, script) = (app.student(), app.student());
    let conversation = student.begin("과학 탐구").await;
    let body = json!({ "message": QUESTION });
    let mut held = Vec::new();
    for _ in 0..2 {
        held.push(script.call(Method::POST, "/api/v1/chat/chat/stream").json(&body).open().await);
    }
    for path in ["/api/v1/chat/chat", "/api/v1/chat/chat/stream"] {
        let refused = script.post(path, body.clone()).await;
        refused.problem(503, "full");
        assert_eq!(refused.header("retry-after"), "5");
    }
    let turn = student.ask(&conversation, QUESTION).await;
    let own = student.call(Method::POST, "/api/v1/chat/chat/stream").json(&body).open().await;
    assert_eq!(own.status(), 200, "a student may make such calls, too");
    app.openai.release_all(CHAT);
    assert_eq!(student.finish(&turn).await.state, "done");
    drop(held);
    eventually("a free place", async || {
        (script.post("/api/v1/chat/chat", body.clone()).await.status == 200).then_some(())
    })
    .await;
}
