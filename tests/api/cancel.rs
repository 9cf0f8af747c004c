//! 멈춤: the student stops an answer.

use super::*;

#[tokio::test]
async fn a_cancelled_answer_is_stored_and_can_be_retried() {
    let app = TestApp::start().await;
    app.openai.queue(CHAT, Behaviour::text(["여기까지 ", "그 뒤"]).gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events
        .until("the beginning and the notes", |story| story.html().contains("여기까지") && story.feedback.is_some())
        .await;

    assert_eq!(student.cancel(&turn).await.status, 204);
    app.openai.wait_for_disconnects(1).await;
    let story = events.into_story().await;
    assert_eq!((story.state.as_str(), story.html().as_str()), ("cancelled", "<p>여기까지</p>"));
    // When the call has answered, the stop is stored.
    let stored = student.stored(&conversation).await;
    assert_eq!(stored["state"], "cancelled");
    assert_eq!(stored["answer"]["text"].as_str().unwrap().trim(), "여기까지");
    assert_eq!(stored["feedback"], story.feedback.unwrap());

    student.retry(&turn).await.expect(202);
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(student.stored(&conversation).await["answer"]["text"], canned::CHAT.concat());
}

#[tokio::test]
async fn cancelling_before_the_first_word_closes_both_calls() {
    let app = TestApp::start().await;
    for purpose in [CHAT, TUTOR] {
        app.openai.set(purpose, Behaviour::default().gate_at(0));
    }
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(2).await;
    assert_eq!(student.cancel(&turn).await.status, 204);
    app.openai.wait_for_disconnects(2).await;
    let stored = student.stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["answer"]), (&json!("cancelled"), &Value::Null));
    // At once there may be a next question.
    student.ask(&conversation, "다른 질문이에요").await;
}

#[tokio::test]
async fn cancelling_an_ended_turn_changes_nothing() {
    let app = TestApp::start().await;
    let student = app.student();
    let turn = student.asked_and_answered(QUESTION).await;
    assert_eq!(student.cancel(turn["id"].as_str().unwrap()).await.status, 204);
    assert_eq!(student.finish(turn["id"].as_str().unwrap()).await.state, "done");
}

#[tokio::test]
async fn stopping_after_the_last_word_keeps_the_whole_answer() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["다 왔어요."]));
    app.openai.set(TUTOR, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_finished(1).await;
    student.follow(&turn).await.until_shown("다 왔어요.").await;
    student.cancel(&turn).await.expect(204);
    let stored = student.stored(&conversation).await;
    // The stop can come in the moment between the last word and the answer's end.
    assert!(stored["state"] == "done" || stored["state"] == "cancelled", "{stored}");
    assert_eq!(stored["answer"]["text"], "다 왔어요.");
    if stored["state"] == "done" {
        assert_eq!(stored["feedback"]["source"], "coach");
    }
}

#[tokio::test]
async fn ten_simultaneous_cancels_cancel_once() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(1));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for("the notes", |stats| stats.waiting == 1 && stats.finished == 1).await;
    for reply in futures_util::future::join_all((0..10).map(|_| student.cancel(&turn))).await {
        assert_eq!(reply.status, 204);
    }
    assert_eq!(student.stored(&conversation).await["state"], "cancelled");
    assert_eq!(app.openai.stats().disconnects, 1);
}

#[tokio::test]
async fn cancelling_at_any_moment_leaves_a_usable_turn() {
    let app = TestApp::start().await;
    let student = app.student();
    for n in 0..30 {
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, QUESTION).await;
        let mut events = student.follow(&turn).await;
        for _ in 0..n {
            events.next().await;
        }
        student.cancel(&turn).await.expect(204);
        let stored = student.stored(&conversation).await;
        let story = events.into_story().await;
        assert_eq!(stored["state"], story.state);
        assert_eq!(stored["answer"]["html"].as_str().unwrap_or_default(), story.html());
        match story.state.as_str() {
            "cancelled" => {
                student.retry(&turn).await.expect(202);
                assert_eq!(student.finish(&turn).await.state, "done");
            }
            state => assert_eq!(state, "done"),
        }
    }
}
