//! Deleting a conversation.

use super::*;

#[tokio::test]
async fn deleting_a_conversation_deletes_everything_in_it() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let path = format!("/api/v1/conversations/{conversation}");
    let deleted = student.delete(&path).await.expect(204);
    assert!(deleted.bytes.is_empty());
    student.get(&path).await.problem(404, "not-found");
    student.delete(&path).await.problem(404, "not-found");
    student.get(&format!("{path}/export")).await.problem(404, "not-found");
    student.get(&format!("/api/v1/turns/{turn}/events")).await.problem(404, "not-found");
    student.retry(&turn).await.problem(404, "not-found");
    student.send(&conversation, QUESTION, None).await.problem(404, "not-found");
    assert_eq!(student.get("/api/v1/conversations").await.json()["items"], json!([]));
}

#[tokio::test]
async fn deleting_a_conversation_cancels_its_running_answer() {
    let app = TestApp::start().await;
    app.openai.queue(CHAT, Behaviour::default().gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let events = student.follow(&turn).await;
    app.openai.wait_for_waiting(1).await;
    student.delete(&format!("/api/v1/conversations/{conversation}")).await.expect(204);
    app.openai.wait_for_disconnects(1).await;
    assert_eq!(events.into_story().await.state, "cancelled");
    student.get(&format!("/api/v1/conversations/{conversation}")).await.problem(404, "not-found");
    // The next question is not affected.
    assert_eq!(student.asked_and_answered(QUESTION).await["state"], "done");
}

#[tokio::test]
async fn deleting_an_unknown_conversation_is_not_found() {
    let app = TestApp::start().await;
    let student = app.student();
    student.begin("과학 탐구").await;
    for id in ["0190a5b0-0000-7000-8000-000000000000", "7", "%00", "..%2f..", "가"] {
        student.delete(&format!("/api/v1/conversations/{id}")).await.problem(404, "not-found");
    }
}

#[tokio::test]
async fn the_tokens_of_a_deleted_answer_are_counted() {
    let app = TestApp::start().await;
    app.openai.queue(CHAT, Behaviour::default().gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events.until("the notes", |story| story.feedback.is_some() && !story.html().is_empty()).await;
    student.delete(&format!("/api/v1/conversations/{conversation}")).await.expect(204);
    events.into_story().await;
    // The tutor's call alone has a hundred tokens.
    assert!(app.store().await.tokens_since(0).await.unwrap() > 100);
}

#[tokio::test]
async fn a_deleted_conversation_leaves_no_text_in_the_files_of_the_database() {
    const MARKERS: [&str; 3] = ["주제비밀표식", "질문비밀표식", "답변비밀표식"];
    let app = TestApp::start().await;
    // Long enough for overflow pages of the database.
    let answer = "답변비밀표식 ".repeat(400);
    app.openai.set(CHAT, Behaviour::text([answer.as_str()]));
    let student = app.student();
    let wait = student.call(reqwest::Method::POST, "/api/v1/chat/initial-guide").header("prefer", "wait=20");
    let guide = wait.json(&json!({ "topic": MARKERS[0] })).send().await.expect(200).json();
    assert_eq!(guide["source"], "model");
    let conversation = student.begin(MARKERS[0]).await;
    let turn = student.ask(&conversation, &"질문비밀표식 ".repeat(100)).await;
    assert_eq!(student.finish(&turn).await.state, "done");
    for marker in MARKERS {
        assert!(app.database_holds(marker.as_bytes()), "{marker} was stored");
    }
    student.delete(&format!("/api/v1/conversations/{conversation}")).await.expect(204);
    for marker in MARKERS {
        support::eventually("the text is gone", async || (!app.database_holds(marker.as_bytes())).then_some(())).await;
    }
}

#[tokio::test]
async fn a_database_file_deleted_under_the_running_program_makes_it_unready_and_takes_no_questions() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    student.get("/ready").await.expect(200);
    app.delete_database_file();
    let ready = student.get("/ready").await.expect(503).json();
    assert_eq!(ready["store"], "unavailable", "{ready}");
    support::eventually("questions are refused", async || {
        (student.send(&conversation, QUESTION, None).await.status == 503).then_some(())
    })
    .await;
}
