//! Retrying a turn (다시 답하기): one more model call, never two.

use super::*;

/// A student with one failed turn: `(student, conversation, turn)`.
async fn failed(app: &TestApp) -> (Student, String, String) {
    app.openai.queue(CHAT, Behaviour::status(500, "oops"));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "failed");
    (student, conversation, turn)
}

#[tokio::test]
async fn a_retry_of_a_failed_turn_makes_one_more_call_and_is_done() {
    let app = TestApp::start().await;
    let (student, conversation, turn) = failed(&app).await;
    let accepted = student.retry(&turn).await.expect(202).json();
    assert_eq!((&accepted["turn_id"], &accepted["seq"]), (&json!(turn), &json!(1)));
    assert_eq!(student.finish(&turn).await.state, "done");
    let turns = student.conversation(&conversation).await["turns"].take();
    assert_eq!(turns.as_array().unwrap().len(), 1);
    assert_eq!(turns[0]["answer"]["text"], canned::CHAT.concat());
    assert_eq!(app.calls(CHAT), 2);
    // The message is the same, so its feedback is kept.
    assert_eq!(app.calls(TUTOR), 1);
    assert_eq!(turns[0]["feedback"]["source"], "model");
}

#[tokio::test]
async fn a_retry_asks_the_model_again_for_feedback_that_the_coach_wrote() {
    let app = TestApp::start().await;
    app.openai.queue(TUTOR, Behaviour::status(500, "oops"));
    let (student, conversation, turn) = failed(&app).await;
    assert_eq!(student.stored(&conversation).await["feedback"]["source"], "coach");
    student.retry(&turn).await.expect(202);
    student.finish(&turn).await;
    assert_eq!(student.stored(&conversation).await["feedback"]["source"], "model");
}

#[tokio::test]
async fn twenty_simultaneous_retries_start_one_attempt() {
    let app = TestApp::start().await;
    let (student, _, turn) = failed(&app).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let tries = (0..20).map(|_| student.retry(&turn));
    for reply in futures_util::future::join_all(tries).await {
        assert_eq!(reply.expect(202).json()["turn_id"], turn);
    }
    app.openai.release_all(CHAT);
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(app.calls(CHAT), 2);
}

#[tokio::test]
async fn an_answered_turn_cannot_be_retried() {
    let app = TestApp::start().await;
    let student = app.student();
    let turn = student.asked_and_answered(QUESTION).await;
    student.retry(turn["id"].as_str().unwrap()).await.problem(409, "not-retriable");
    assert_eq!(app.calls(CHAT), 1);
}

#[tokio::test]
async fn a_turn_cannot_be_retried_while_another_one_runs() {
    let app = TestApp::start().await;
    let (student, conversation, turn) = failed(&app).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let running = student.ask(&conversation, "다른 질문이에요").await;
    let problem = student.retry(&turn).await.problem(409, "busy");
    assert_eq!(problem["turn_id"], running);
    app.openai.release_all(CHAT);
    assert_eq!(student.finish(&running).await.state, "done");
}
