//! The next question while only the tutor's feedback is missing: the coach writes it, and the question is accepted.

use super::*;
use crate::support::events::Events;

const NEXT: &str = "그럼 저녁에는 왜 빨개요?";

/// A turn with a complete answer and a running tutor call, and a stream that follows it.
async fn answered(app: &TestApp, student: &Student, conversation: &str) -> (String, Events) {
    app.openai.queue(TUTOR, Behaviour::default().gate_at(0));
    let turn = student.ask(conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events.until("the whole answer", |story| story.is_answered).await;
    app.openai.wait_for_waiting(1).await;
    (turn, events)
}

#[tokio::test]
async fn the_next_question_is_accepted_while_only_the_feedback_is_missing() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let (turn, events) = answered(&app, &student, &conversation).await;
    assert_eq!((events.story.state.as_str(), events.story.feedback.is_some()), ("answering", false));

    let next = student.ask(&conversation, NEXT).await;
    assert_ne!(next, turn);
    app.openai.wait_for_disconnects(1).await;
    let story = events.into_story().await;
    assert_eq!((story.state.as_str(), story.reason.as_deref()), ("done", None));
    assert_eq!(story.feedback.unwrap()["source"], "coach");

    assert_eq!(student.finish(&next).await.state, "done");
    let turns = student.conversation(&conversation).await["turns"].take();
    let endings: Vec<_> =
        turns.as_array().unwrap().iter().map(|turn| (&turn["state"], &turn["feedback"]["source"])).collect();
    assert_eq!(endings, [(&json!("done"), &json!("coach")), (&json!("done"), &json!("model"))]);
    assert_eq!(turns[0]["answer"]["text"], canned::CHAT.concat());
    let sent = app.openai.requests_for(CHAT).pop().unwrap().body["messages"].to_string();
    assert!(sent.contains(&serde_json::to_string(&canned::CHAT.concat()).unwrap()), "{sent}");
}

#[tokio::test]
async fn a_new_follower_sees_that_only_the_feedback_is_missing() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let (turn, _events) = answered(&app, &student, &conversation).await;
    let mut late = student.follow(&turn).await;
    late.until("the snapshot", |story| story.is_answered).await;
    app.openai.release_all(TUTOR);
    let story = late.into_story().await;
    assert_eq!((story.state.as_str(), story.is_answered), ("done", false));
    assert_eq!(story.feedback.unwrap()["source"], "model");
}

#[tokio::test]
async fn the_next_question_gets_the_slot_of_the_missing_feedback() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    let (student, other) = (app.student(), app.student());
    let conversation = student.begin("과학 탐구").await;
    let (_, events) = answered(&app, &student, &conversation).await;
    let others = other.begin("과학 탐구").await;
    other.send(&others, QUESTION, None).await.problem(503, "full");
    let next = student.ask(&conversation, NEXT).await;
    assert_eq!(events.into_story().await.state, "done");
    assert_eq!(student.finish(&next).await.state, "done");
}

#[tokio::test]
async fn an_earlier_turn_can_be_retried_while_only_the_feedback_is_missing() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    app.openai.queue(CHAT, Behaviour::error(401, "invalid_api_key", "no"));
    let failed = student.ask(&conversation, "첫 질문이에요").await;
    assert_eq!(student.finish(&failed).await.state, "failed");
    let (_, events) = answered(&app, &student, &conversation).await;
    student.retry(&failed).await.expect(202);
    assert_eq!(events.into_story().await.feedback.unwrap()["source"], "coach");
    assert_eq!(student.finish(&failed).await.state, "done");
}

#[tokio::test]
async fn one_of_several_simultaneous_next_questions_is_accepted() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let (turn, _events) = answered(&app, &student, &conversation).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let messages: Vec<String> = (0..5).map(|n| format!("{n}번 질문이에요")).collect();
    let sends = messages.iter().map(|message| student.send(&conversation, message, None));
    let replies = futures_util::future::join_all(sends).await;
    let (taken, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 202);
    assert_eq!(taken.len(), 1);
    let next = taken[0].json()["turn_id"].take();
    assert_ne!(next, turn);
    assert!(refused.iter().all(|reply| reply.problem(409, "busy")["turn_id"] == next));
}

/// A turn with a failed answer and a running tutor call, and a stream that follows it.
async fn failed(app: &TestApp, student: &Student, conversation: &str) -> (String, Events) {
    app.openai.queue(CHAT, Behaviour::error(401, "invalid_api_key", "no"));
    app.openai.queue(TUTOR, Behaviour::default().gate_at(0));
    let turn = student.ask(conversation, QUESTION).await;
    let mut events = student.follow(&turn).await;
    events.until("the failure", |story| story.state == "failed").await;
    app.openai.wait_for_waiting(1).await;
    (turn, events)
}

#[tokio::test]
async fn a_failed_answer_is_shown_while_the_tutor_still_writes() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let (turn, events) = failed(&app, &student, &conversation).await;
    assert_eq!((events.story.reason.as_deref(), events.story.feedback.is_some()), (Some("misconfigured"), false));
    let mut late = student.follow(&turn).await;
    late.until("the snapshot", |story| story.state == "failed").await;
    app.openai.release_all(TUTOR);
    let story = events.into_story().await;
    assert_eq!((story.state.as_str(), &story.feedback.as_ref().unwrap()["source"]), ("failed", &json!("model")));
    assert!(story.outline().ends_with(&["feedback", "end"]), "the failure is published once: {:?}", story.outline());
    assert_eq!(student.stored(&conversation).await["state"], "failed");
}

#[tokio::test]
async fn the_next_question_is_accepted_after_a_failed_answer_without_feedback() {
    for most in ["1", "10"] {
        let app = TestApp::with(&["--max-turns", most]).await;
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let (_, events) = failed(&app, &student, &conversation).await;
        let next = student.ask(&conversation, NEXT).await;
        let story = events.into_story().await;
        assert_eq!((story.state.as_str(), &story.feedback.unwrap()["source"]), ("failed", &json!("coach")));
        assert_eq!(student.finish(&next).await.state, "done");
    }
}

#[tokio::test]
async fn a_failed_answer_can_be_retried_while_its_feedback_is_missing() {
    for most in ["1", "10"] {
        let app = TestApp::with(&["--max-turns", most]).await;
        let student = app.student();
        let conversation = student.begin("과학 탐구").await;
        let (turn, events) = failed(&app, &student, &conversation).await;
        student.retry(&turn).await.expect(202);
        assert_eq!(events.into_story().await.state, "failed");
        assert_eq!(student.finish(&turn).await.state, "done");
        let stored = student.stored(&conversation).await;
        assert_eq!((&stored["state"], &stored["feedback"]["source"]), (&json!("done"), &json!("model")));
        assert_eq!((app.calls(CHAT), app.calls(TUTOR)), (2, 2));
    }
}

#[tokio::test]
async fn a_slot_is_free_before_followers_see_the_end_of_the_turn() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    let (student, other) = (app.student(), app.student());
    for _ in 0..15 {
        for (now, next) in [(&student, &other), (&other, &student)] {
            let (conversation, nexts) = (now.begin("과학 탐구").await, next.begin("과학 탐구").await);
            let turn = now.ask(&conversation, QUESTION).await;
            let mut events = now.follow(&turn).await;
            events.until("the end", |story| story.state == "done").await;
            let turn = next.ask(&nexts, QUESTION).await;
            assert_eq!(next.finish(&turn).await.state, "done");
        }
    }
}

#[tokio::test]
async fn the_slot_of_a_turn_passes_to_the_next_question_of_its_conversation() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    let (student, other) = (app.student(), app.student());
    let (conversation, others) = (student.begin("과학 탐구").await, other.begin("과학 탐구").await);
    for _ in 0..5 {
        let (_, events) = answered(&app, &student, &conversation).await;
        app.openai.queue(CHAT, Behaviour::default().gate_at(0));
        let crowd = futures_util::future::join_all((0..30).map(|_| other.send(&others, QUESTION, None)));
        let (next, crowd) = tokio::join!(student.ask(&conversation, NEXT), crowd);
        for reply in crowd {
            reply.problem(503, "full");
        }
        app.openai.release_all(CHAT);
        assert_eq!(events.into_story().await.state, "done");
        assert_eq!(student.finish(&next).await.state, "done");
    }
}
