//! The day's tokens.

use super::*;

#[tokio::test]
async fn when_the_days_tokens_are_spent_a_friendly_sentence_says_so() {
    let app = TestApp::with(&["--daily-token-budget", "150"]).await;
    app.openai.set(CHAT, Behaviour::text(["하나"]));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "done");

    let refused = student.send(&conversation, "하나 더요", None).await;
    let problem = refused.problem(429, "budget-spent");
    assert!(problem["detail"].as_str().unwrap().contains("내일 다시"), "{problem}");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=24 * 60 * 60).contains(&wait), "{wait}");
    for path in ["/api/v1/chat/chat", "/api/v1/chat/chat/stream"] {
        student.post(path, json!({ "message": "네?" })).await.problem(429, "budget-spent");
    }
    let guide = student.post("/api/v1/chat/initial-guide", json!({ "topic": "역사 연구" })).await.expect(200).json();
    assert_eq!(guide["source"], "preset");

    assert_eq!((app.calls(CHAT), app.calls(TUTOR), app.calls(GUIDE)), (1, 1, 0));
    // What there is can be read, and nothing of the refused question is stored.
    assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
    student.get(&format!("/api/v1/conversations/{conversation}/export")).await.expect(200);
}

#[tokio::test]
async fn a_restart_does_not_forget_what_was_spent() {
    let app = TestApp::with(&["--daily-token-budget", "150"]).await;
    let student = app.student();
    student.asked_and_answered(QUESTION).await;
    let app = app.restarted().await;
    let student = student.moved_to(app.url());
    let conversation = student.begin("과학 탐구").await;
    student.send(&conversation, QUESTION, None).await.problem(429, "budget-spent");
    assert_eq!(app.calls(CHAT), 1);
}

#[tokio::test]
async fn an_answer_that_broke_off_is_paid_for_too() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["여기까지", "그 뒤"]) });
    app.openai.set(TUTOR, Behaviour::status(500, ""));
    app.student().asked_and_answered(QUESTION).await;
    assert!(app.store().await.tokens_since(0).await.unwrap() > 0);
}

#[tokio::test]
async fn practice_costs_nothing() {
    let app = TestApp::practice_with(&["--daily-token-budget", "1"]).await;
    let student = app.student();
    for _ in 0..2 {
        assert_eq!(student.asked_and_answered(QUESTION).await["state"], "done");
    }
}
