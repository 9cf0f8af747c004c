//! Chat and tutor are called at the same time and fail independently.

use super::*;

#[tokio::test]
async fn chat_and_tutor_are_called_at_the_same_time() {
    let app = TestApp::start().await;
    for purpose in [CHAT, TUTOR] {
        app.openai.set(purpose, Behaviour::default().gate_at(0));
    }
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    app.openai.wait_for_waiting(2).await;
    assert_eq!((app.calls(CHAT), app.calls(TUTOR)), (1, 1));
    for purpose in [CHAT, TUTOR] {
        app.openai.release_all(purpose);
    }
    assert_eq!(student.finish(&turn).await.state, "done");
}

#[tokio::test]
async fn feedback_is_shown_before_the_answer_if_it_comes_first() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    let story = events.until("the notes", |story| story.feedback.is_some()).await;
    assert_eq!((story.state.as_str(), story.html().as_str()), ("answering", ""));
    app.openai.release_all(CHAT);
    assert_eq!(events.into_story().await.text, canned::CHAT.concat());
}

#[tokio::test]
async fn a_complete_answer_is_shown_before_the_feedback() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::text(["**끝**까지 다 ", "왔어요."]));
    app.openai.set(TUTOR, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    let story = events.until_shown("왔어요.").await;
    assert_eq!((story.state.as_str(), story.feedback.is_some()), ("answering", false));
    app.openai.release_all(TUTOR);
    let story = events.into_story().await;
    assert_eq!((story.state.as_str(), story.feedback.is_some()), ("done", true));
}

#[tokio::test]
async fn a_failing_tutor_does_not_fail_the_answer() {
    let app = TestApp::start().await;
    app.openai.set(TUTOR, Behaviour::status(500, "oops"));
    let turn = app.student().asked_and_answered(QUESTION).await;
    assert_eq!(turn["state"], "done");
    assert_eq!(turn["answer"]["text"], canned::CHAT.concat());
    assert_eq!(turn["feedback"]["source"], "coach");
}

#[tokio::test]
async fn unreadable_feedback_is_requested_once_more_and_then_the_coach_writes() {
    let app = TestApp::start().await;
    app.openai.set(TUTOR, Behaviour::text(["{\"oops\":", "["]));
    let turn = app.student().asked_and_answered(QUESTION).await;
    assert_eq!(turn["state"], "done");
    assert_eq!(turn["feedback"]["source"], "coach");
    assert_eq!(app.calls(TUTOR), 2);
}

#[tokio::test]
async fn feedback_that_is_readable_the_second_time_is_used() {
    let app = TestApp::start().await;
    app.openai.queue(TUTOR, Behaviour::text(["음…"]));
    let turn = app.student().asked_and_answered(QUESTION).await;
    assert_eq!(turn["feedback"]["source"], "model");
    assert_eq!(app.calls(TUTOR), 2);
}

#[tokio::test]
async fn a_failed_answer_keeps_the_feedback() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::status(500, "oops"));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let story = student.finish(&turn).await;
    assert_eq!((story.state.as_str(), story.reason.as_deref()), ("failed", Some("unavailable")));
    assert_eq!(story.feedback.as_ref().unwrap()["source"], "model");
    let stored = student.stored(&conversation).await;
    assert_eq!((&stored["state"], &stored["reason"]), (&json!("failed"), &json!("unavailable")));
    assert_eq!(stored["feedback"], story.feedback.unwrap());
    assert_eq!(stored["answer"], Value::Null);
    assert_eq!(stored["message"], QUESTION);
}
