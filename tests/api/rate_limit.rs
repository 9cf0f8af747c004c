//! How often may be asked: by learner first, by address second.

use super::*;
use futures_util::future::join_all;
use reqwest::Method;

#[tokio::test]
async fn a_hasty_student_waits_while_the_neighbour_is_served() {
    let app = TestApp::with(&["--rate-limit", "on", "--rate-limit-learner-per-minute", "3"]).await;
    let (hasty, neighbour) = (app.student(), app.student());
    let conversation = hasty.begin("과학 탐구").await;
    let mut refused = None;
    // The first three at most; beginning without a cookie counts for the address alone.
    for n in 0..4 {
        let reply = hasty.send(&conversation, QUESTION, None).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        assert!(n < 3, "the fourth passed");
        hasty.finish(reply.expect(202).json()["turn_id"].as_str().unwrap()).await;
    }
    let refused = refused.expect("a refusal");
    let problem = refused.problem(429, "too-many");
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=20).contains(&wait), "{wait}");
    assert!(problem["detail"].as_str().unwrap().contains("초 뒤에"));
    assert_eq!(neighbour.asked_and_answered(QUESTION).await["state"], "done");
    // Reading is not asking.
    hasty.conversation(&conversation).await;
}

#[tokio::test]
async fn a_class_of_forty_behind_one_address_asks_ten_questions_each() {
    let app = TestApp::with(&["--rate-limit", "on"]).await;
    for purpose in [CHAT, TUTOR] {
        app.openai.set(purpose, Behaviour { plain: true, ..Behaviour::default() });
    }
    let students: Vec<Student> = (0..40).map(|_| app.student()).collect();
    let lesson = students.iter().map(async |student| {
        let conversation = student.begin("과학 탐구").await;
        for n in 0..10 {
            let turn = student.ask(&conversation, &format!("{n}번째 질문이에요")).await;
            assert_eq!(student.finish(&turn).await.state, "done");
        }
        student.conversation(&conversation).await["turns"].as_array().unwrap().len()
    });
    assert_eq!(join_all(lesson).await, [10; 40]);
    assert_eq!(app.calls(CHAT), 400);
}

#[tokio::test]
async fn one_address_cannot_flood_the_server_with_new_learners_or_stateless_calls() {
    let flags = ["--rate-limit", "on", "--rate-limit-learner-per-minute", "5", "--rate-limit-address-per-minute", "5"];
    for path in ["/api/v1/conversations", "/api/v1/chat/chat", "/api/v1/chat/chat/stream", "/api/v1/chat/initial-guide"]
    {
        let app = TestApp::with(&flags).await;
        let body = json!({ "message": "네?", "topic": "과학 탐구" });
        for _ in 0..5 {
            assert!(app.student().post(path, body.clone()).await.status.is_success(), "{path}");
        }
        let refused = app.student().post(path, body).await;
        refused.problem(429, "too-many");
        assert_ne!(refused.header("retry-after"), "");
    }
}

#[tokio::test]
async fn only_a_trusted_proxy_says_who_its_clients_are() {
    let limit = ["--rate-limit", "on", "--rate-limit-learner-per-minute", "2", "--rate-limit-address-per-minute", "2"];
    let from = async |app: &TestApp, address: &str| {
        let student = app.student();
        let call = student.call(Method::POST, "/api/v1/chat/initial-guide").header("x-forwarded-for", address);
        call.json(&json!({ "topic": "과학 탐구" })).send().await.status.as_u16()
    };
    let alone = TestApp::with(&limit).await;
    let mut seen = Vec::new();
    for address in ["198.51.100.1", "198.51.100.2", "198.51.100.3"] {
        seen.push(from(&alone, address).await);
    }
    assert_eq!(seen, [200, 200, 429], "a stranger's word counts for nothing");

    let proxied = TestApp::with(&[&limit[..], &["--trusted-proxies", "127.0.0.1"]].concat()).await;
    let mut seen = Vec::new();
    for address in ["198.51.100.1", "198.51.100.1", "198.51.100.1", "6.6.6.6, 198.51.100.1", "198.51.100.2"] {
        seen.push(from(&proxied, address).await);
    }
    assert_eq!(seen, [200, 200, 429, 429, 200]);
}

#[tokio::test]
async fn twenty_sends_of_one_message_at_once_pass_the_limits() {
    let app = TestApp::with(&["--rate-limit", "on"]).await;
    app.openai.set(CHAT, Behaviour::default().gate_at(0));
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    // With the limits as they are when nothing is set.
    let sends = join_all((0..20).map(|_| student.send(&conversation, QUESTION, Some("k")))).await;
    for reply in sends {
        reply.expect(202);
    }
    app.openai.wait_for_calls_of(CHAT, 1).await;
    assert_eq!(app.calls(CHAT), 1);
}
