//! SIGTERM: running answers get a grace period, and followers see the end.

use super::*;
use support::{eventually, openai::FakeOpenAi, process::Process};

/// A program with this grace period in seconds, and a student whose answer has begun and waits.
async fn answering(openai: &FakeOpenAi, folder: &std::path::Path, grace: &str) -> (Process, Student, String, String) {
    openai.queue(CHAT, Behaviour::text(["여기까지 ", "그 뒤"]).gate_at(1));
    let base_url = openai.base_url();
    let environment = [("OPENAI_BASE_URL", base_url.as_str()), ("SHUTDOWN_GRACE_SECONDS", grace)];
    let program = Process::start(folder, &environment);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    (program, student, conversation, turn)
}

#[tokio::test]
async fn an_answer_that_ends_within_the_grace_period_is_stored() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let (program, student, conversation, turn) = answering(&openai, folder.path(), "60").await;
    let mut events = student.follow(&turn).await;
    events.until_shown("여기까지").await;
    program.terminate();
    eventually("draining", async || (student.get("/ready").await.status == 503).then_some(())).await;
    openai.release_all(CHAT);
    let story = events.into_story().await;
    assert_eq!((story.state.as_str(), story.html().as_str()), ("done", "<p>여기까지 그 뒤</p>"));
    assert!(program.ended().await.success());

    let program = Process::start(folder.path(), &[]);
    let stored = student.moved_to(program.url.clone()).stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["answer"]["text"]), (&json!("done"), &json!("여기까지 그 뒤")));
}

#[tokio::test]
async fn without_a_grace_period_a_turn_is_interrupted_and_followers_see_it() {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let (program, student, conversation, turn) = answering(&openai, folder.path(), "0").await;
    let mut events = student.follow(&turn).await;
    events.until_shown("여기까지").await;
    program.terminate();
    assert_eq!(events.into_story().await.state, "interrupted");
    assert!(program.ended().await.success());
    openai.wait_for_disconnects(1).await;

    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", openai.base_url().as_str())]);
    let student = student.moved_to(program.url.clone());
    let stored = student.stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["message"]), (&json!("interrupted"), &json!(QUESTION)));
    assert_eq!(stored["answer"]["text"].as_str().unwrap().trim(), "여기까지");
    student.retry(&turn).await.expect(202);
    assert_eq!(student.finish(&turn).await.state, "done");
}

#[tokio::test]
async fn while_draining_questions_are_refused_and_reads_are_answered() {
    let mut app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let student = app.student();
    let (conversation, free) = (student.begin("과학 탐구").await, student.begin("역사 연구").await);
    let turn = student.ask(&conversation, QUESTION).await;
    let events = student.follow(&turn).await;
    assert_eq!(student.get("/ready").await.expect(200).json()["turns_running"], 1);

    app.start_shutdown();
    let ready = eventually("draining", async || Some(student.get("/ready").await).filter(|r| r.status == 503)).await;
    assert_eq!(ready.json()["status"], "draining");
    assert_eq!(ready.header("content-type"), "application/json");
    assert_eq!(student.get("/health").await.expect(200).json()["status"], "healthy");
    let refused = student.send(&free, QUESTION, None).await;
    refused.problem(503, "draining");
    assert_ne!(refused.header("retry-after"), "");
    student.post("/api/v1/chat/chat", json!({ "message": QUESTION })).await.problem(503, "draining");
    assert_eq!(student.stored(&conversation).await["message"], QUESTION);

    app.openai.release_all(CHAT);
    assert_eq!(events.into_story().await.state, "done");
    app.ended().await;
}

/// A grace period that is longer than any test waits.
const LONG_GRACE: [&str; 2] = ["--shutdown-grace-seconds", "600"];

#[tokio::test]
async fn an_idle_program_ends_at_once() {
    let mut app = TestApp::with(&LONG_GRACE).await;
    let student = app.student();
    student.asked_and_answered(QUESTION).await;
    app.start_shutdown();
    app.ended().await;
}

#[tokio::test]
async fn a_running_guide_does_not_delay_the_shutdown() {
    let mut app = TestApp::with(&LONG_GRACE).await;
    app.openai.set(GUIDE, Behaviour::default().gate_at(0));
    let guide = app.student().post("/api/v1/chat/initial-guide", json!({ "topic": "과학 탐구" })).await.expect(200);
    assert_eq!(guide.json()["pending"], true);
    app.openai.wait_for_waiting(1).await;
    app.start_shutdown();
    app.ended().await;
    app.openai.wait_for_disconnects(1).await;
    assert!(app.store().await.tokens_since(0).await.unwrap() > 0, "the call was sent, so it is paid for");
}

#[tokio::test]
async fn a_stateless_stream_may_end_within_the_grace_period() {
    let mut app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["하나", "둘"]).gate_at(1));
    let call = app.student().call(reqwest::Method::POST, "/api/v1/chat/chat/stream");
    let response = call.json(&json!({ "message": "네?" })).open().await;
    app.start_shutdown();
    eventually("the port to close", async || tokio::net::TcpStream::connect(app.address).await.err()).await;
    app.openai.release_all(CHAT);
    let text = response.text().await.unwrap();
    assert!(text.ends_with("data: {\"content\":\"둘\"}\n\ndata: {\"content\":\"[DONE]\"}\n\n"), "{text}");
    app.ended().await;
}

#[tokio::test]
async fn a_stateless_stream_is_ended_after_the_grace_period() {
    let mut app = TestApp::with(&["--shutdown-grace-seconds", "0"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let call = app.student().call(reqwest::Method::POST, "/api/v1/chat/chat/stream");
    let _open = call.json(&json!({ "message": "네?" })).open().await;
    app.start_shutdown();
    app.ended().await;
    app.openai.wait_for_disconnects(1).await;
}

#[tokio::test]
async fn a_stateless_call_without_an_answer_is_refused_after_the_grace_period() {
    for path in ["/api/v1/chat/chat", "/api/v1/chat/chat/stream"] {
        let mut app = TestApp::with(&["--shutdown-grace-seconds", "0"]).await;
        app.openai.set(CHAT, Behaviour::default().gate_at(0));
        let call = app.student().call(reqwest::Method::POST, path).json(&json!({ "message": "네?" }));
        let waiting = tokio::spawn(call.send());
        app.openai.wait_for_waiting(1).await;
        app.start_shutdown();
        waiting.await.unwrap().problem(503, "draining");
        app.ended().await;
    }
}

#[tokio::test]
async fn the_followers_of_many_interrupted_turns_all_see_it() {
    let mut app = TestApp::with(&["--shutdown-grace-seconds", "0"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let mut followed = Vec::new();
    for _ in 0..30 {
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, QUESTION).await;
        followed.push(student.follow(&turn).await);
    }
    app.openai.wait_for_waiting(30).await;
    app.start_shutdown();
    for events in followed {
        assert_eq!(events.into_story().await.state, "interrupted");
    }
    app.ended().await;
}
