//! The daily token budget.

use super::*;

#[tokio::test]
async fn a_spent_daily_budget_is_explained_in_a_friendly_sentence() {
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
    let guide = student.post("/api/v1/chat/initial-guide", json!({ "topic": "역사 연구" })).await.expect(200).json();
    assert_eq!(guide["source"], "preset");

    assert_eq!((app.calls(CHAT), app.calls(TUTOR), app.calls(GUIDE)), (1, 1, 0));
    // Conversations can still be read, and the refused question is not stored.
    assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
    student.get(&format!("/api/v1/conversations/{conversation}/export")).await.expect(200);
}

#[tokio::test]
async fn the_spent_budget_survives_a_restart() {
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
async fn a_broken_answer_counts_against_the_budget() {
    let app = TestApp::start().await;
    app.openai.set(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["여기까지", "그 뒤"]) });
    app.openai.set(TUTOR, Behaviour::status(500, ""));
    app.student().asked_and_answered(QUESTION).await;
    assert!(app.store().await.tokens_since(0).await.unwrap() > 0);
}

#[tokio::test]
async fn the_practice_partner_does_not_count_against_the_budget() {
    let app = TestApp::practice_with(&["--daily-token-budget", "1"]).await;
    let student = app.student();
    for _ in 0..2 {
        assert_eq!(student.asked_and_answered(QUESTION).await["state"], "done");
    }
}
