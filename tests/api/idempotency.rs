//! Idempotency keys: repeated requests get the same turn.

use super::*;
use futures_util::future::join_all;
use reqwest::Method;

#[tokio::test]
async fn twenty_simultaneous_requests_with_one_key_create_one_turn_and_one_call() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let sends = (0..20).map(|_| student.send(&conversation, QUESTION, Some("the-key")));
    let mut turns: Vec<Value> = Vec::new();
    for reply in join_all(sends).await {
        turns.push(reply.expect(202).json());
    }
    turns.dedup();
    assert_eq!(turns.len(), 1, "{turns:?}");
    app.openai.release_all(CHAT);
    student.finish(turns[0]["turn_id"].as_str().unwrap()).await;

    assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
    assert_eq!((app.calls(CHAT), app.calls(TUTOR)), (1, 1));
}

#[tokio::test]
async fn a_key_gives_its_turn_after_the_turn_has_ended() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let first = student.send(&conversation, QUESTION, Some("k")).await.expect(202).json();
    student.finish(first["turn_id"].as_str().unwrap()).await;
    assert_eq!(student.send(&conversation, QUESTION, Some("k")).await.expect(202).json(), first);
    assert_eq!(app.calls(CHAT), 1);
}

#[tokio::test]
async fn a_key_with_another_message_is_refused() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let first = student.send(&conversation, QUESTION, Some("k")).await.expect(202).json();
    student.finish(first["turn_id"].as_str().unwrap()).await;
    student.send(&conversation, "다른 질문이에요", Some("k")).await.problem(422, "key-reused");
    assert_eq!(app.calls(CHAT), 1);
}

#[tokio::test]
async fn two_students_may_choose_the_same_key() {
    let app = TestApp::start().await;
    let mut turns = Vec::new();
    for student in [app.student(), app.student()] {
        let conversation = student.begin("과학 탐구").await;
        let turn = student.send(&conversation, QUESTION, Some("k")).await.expect(202).json()["turn_id"].take();
        assert_eq!(student.finish(turn.as_str().unwrap()).await.state, "done");
        turns.push(turn);
    }
    assert_ne!(turns[0], turns[1]);
}

#[tokio::test]
async fn a_second_question_is_refused_while_the_first_one_runs() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let running = student.ask(&conversation, QUESTION).await;
    let problem = student.send(&conversation, "하나 더요", None).await.problem(409, "busy");
    assert_eq!(problem["turn_id"], running);
    app.openai.release_all(CHAT);
    student.finish(&running).await;
    let next = student.ask(&conversation, "하나 더요").await;
    assert_eq!(student.finish(&next).await.state, "done");
}

#[tokio::test]
async fn one_of_several_simultaneous_questions_is_accepted_and_the_others_get_409() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let messages: Vec<String> = (0..10).map(|n| format!("{n}번 질문이에요")).collect();
    let replies = join_all(messages.iter().map(|message| student.send(&conversation, message, None))).await;
    let accepted: Vec<_> = replies.iter().filter(|reply| reply.status == 202).collect();
    assert_eq!(accepted.len(), 1);
    let turn = accepted[0].json()["turn_id"].take();
    for reply in replies.iter().filter(|reply| reply.status != 202) {
        assert_eq!(reply.problem(409, "busy")["turn_id"], turn);
    }
    app.openai.release_all(CHAT);
    student.finish(turn.as_str().unwrap()).await;
    assert_eq!(app.calls(CHAT), 1);
}

#[tokio::test]
async fn conversations_of_one_student_run_at_the_same_time() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let mut turns = Vec::new();
    for topic in ["과학 탐구", "역사 연구", "축구"] {
        let conversation = student.begin(topic).await;
        turns.push(student.ask(&conversation, QUESTION).await);
    }
    app.openai.wait_for_waiting(3).await;
    app.openai.release_all(CHAT);
    for turn in turns {
        assert_eq!(student.finish(&turn).await.state, "done");
    }
}

#[tokio::test]
async fn a_key_is_scoped_to_its_conversation() {
    let app = TestApp::start().await;
    let student = app.student();
    for topic in ["과학 탐구", "역사 연구"] {
        let conversation = student.begin(topic).await;
        let accepted = student.send(&conversation, QUESTION, Some("k")).await.expect(202).json();
        assert_eq!(student.finish(accepted["turn_id"].as_str().unwrap()).await.state, "done");
        assert_eq!(student.stored(&conversation).await["id"], accepted["turn_id"]);
    }
    assert_eq!(app.calls(CHAT), 2);
}

#[tokio::test]
async fn a_repeated_request_is_answered_while_its_turn_holds_the_only_slot() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let sends = join_all((0..20).map(|_| student.send(&conversation, QUESTION, Some("k")))).await;
    let mut turns: Vec<Value> = sends.into_iter().map(|reply| reply.expect(202).json()).collect();
    turns.push(student.send(&conversation, QUESTION, Some("k")).await.expect(202).json());
    turns.dedup();
    assert_eq!(turns.len(), 1, "{turns:?}");
    student.send(&conversation, "다른 질문이에요", Some("k")).await.problem(422, "key-reused");
    // Another key creates another turn.
    student.send(&conversation, QUESTION, Some("other")).await.problem(503, "full");
    app.openai.release_all(CHAT);
    student.finish(turns[0]["turn_id"].as_str().unwrap()).await;
    assert_eq!(student.send(&conversation, QUESTION, Some("k")).await.expect(202).json(), turns[0]);
    assert_eq!(app.calls(CHAT), 1);
}

#[tokio::test]
async fn a_repeated_request_is_answered_after_the_budget_is_spent() {
    let app = TestApp::with(&["--daily-token-budget", "1"]).await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let first = student.send(&conversation, QUESTION, Some("k")).await.expect(202).json();
    student.finish(first["turn_id"].as_str().unwrap()).await;
    student.send(&conversation, QUESTION, Some("other")).await.problem(429, "budget-spent");
    assert_eq!(student.send(&conversation, QUESTION, Some("k")).await.expect(202).json(), first);
}

#[tokio::test]
async fn repeated_requests_do_not_count_against_the_rate_limit() {
    // Two questions; the conversation counts only for the address, because its learner is new.
    let app = TestApp::with(&["--rate-limit", "on", "--rate-limit-learner-per-minute", "2"]).await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let repeats = join_all((0..20).map(|_| student.send(&conversation, QUESTION, Some("k")))).await;
    let mut turns: Vec<Value> = repeats.into_iter().map(|reply| reply.expect(202).json()).collect();
    student.finish(turns[0]["turn_id"].as_str().unwrap()).await;
    let second = student.send(&conversation, "하나 더요", Some("k2")).await.expect(202).json();
    student.finish(second["turn_id"].as_str().unwrap()).await;
    student.send(&conversation, "또 하나요", Some("k3")).await.problem(429, "too-many");
    // The limit is reached, and repeated requests are still answered.
    turns.push(student.send(&conversation, QUESTION, Some("k")).await.expect(202).json());
    turns.dedup();
    assert_eq!(turns.len(), 1, "{turns:?}");
    assert_eq!(student.send(&conversation, "하나 더요", Some("k2")).await.expect(202).json(), second);
    assert_eq!(app.calls(CHAT), 2);
}

#[tokio::test]
async fn a_repeated_retry_is_answered_while_its_turn_holds_the_only_slot() {
    let app = TestApp::with(&["--max-turns", "1"]).await;
    app.openai.queue(CHAT, Behaviour::status(500, "oops"));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "failed");
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    support::eventually("a free place", async || (student.retry(&turn).await.status == 202).then_some(())).await;
    for reply in join_all((0..5).map(|_| student.retry(&turn))).await {
        assert_eq!(reply.expect(202).json()["turn_id"], turn);
    }
    app.openai.release_all(CHAT);
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(app.calls(CHAT), 2);
}

#[tokio::test]
async fn another_learner_with_the_same_key_gets_404() {
    let app = TestApp::start().await;
    let (student, stranger) = (app.student(), app.student());
    let conversation = student.begin("과학 탐구").await;
    let first = student.send(&conversation, QUESTION, Some("k")).await.expect(202).json();
    stranger.begin("과학 탐구").await;
    stranger.send(&conversation, QUESTION, Some("k")).await.problem(404, "not-found");
    student.finish(first["turn_id"].as_str().unwrap()).await;
}

#[tokio::test]
async fn a_request_with_two_different_keys_is_refused() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turns = format!("/api/v1/conversations/{conversation}/turns");
    for (path, body) in [("/api/v1/conversations", json!({"topic": "과학"})), (&turns, json!({"message": QUESTION}))]
    {
        let call = || student.call(Method::POST, path).json(&body).header("idempotency-key", "k");
        call().header("idempotency-key", "other").send().await.problem(400, "unreadable");
        // The same key twice, as a proxy may send it, is one key.
        assert!(call().header("idempotency-key", "k").send().await.status.is_success(), "{path}");
    }
}
