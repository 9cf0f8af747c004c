//! Who may have the model answer stateless calls, and what they may use.

use super::*;
use llm_classroom::api_token;
use reqwest::Method;
use support::reply::Reply;

const CHAT_PATHS: [&str; 2] = ["/api/v1/chat/chat", "/api/v1/chat/chat/stream"];
const GUIDE_PATH: &str = "/api/v1/chat/initial-guide";
const ADDRESS: &str = "https://class.example.kr";
const PRODUCTION: [&str; 4] = ["--app-env", "production", "--app-base-url", ADDRESS];

/// Calls as this student with these headers beside the cookie.
async fn call(student: &Student, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut call = student.call(Method::POST, path).json(&json!({ "message": "네?", "topic": "나의 주제" }));
    for (name, value) in headers {
        call = call.header(name, value);
    }
    call.send().await
}

async fn token(app: &TestApp) -> String {
    let token = api_token::generate().unwrap();
    app.store().await.add_api_token("test", &api_token::hash(&token), 0).await.unwrap();
    token
}

#[tokio::test]
async fn in_production_a_stranger_gets_401_before_any_model_call() {
    let app = TestApp::with(&PRODUCTION).await;
    let wrong = format!("Bearer {}", api_token::generate().unwrap());
    for path in [CHAT_PATHS[0], CHAT_PATHS[1], GUIDE_PATH] {
        for headers in [&[][..], &[("authorization", wrong.as_str())], &[("origin", "https://elsewhere.example")]] {
            let refused = call(&app.student(), path, headers).await;
            let problem = refused.problem(401, "unauthorized");
            assert!(problem["detail"].as_str().unwrap().contains("토큰"), "{problem}");
            assert_eq!(refused.header("www-authenticate"), "Bearer");
        }
    }
    // A program can send the headers of a page, so they are not enough.
    for headers in [[("sec-fetch-site", "same-origin")], [("origin", ADDRESS)]] {
        for path in CHAT_PATHS {
            call(&app.student(), path, &headers).await.problem(401, "unauthorized");
        }
        assert_eq!(call(&app.student(), GUIDE_PATH, &headers).await.expect(200).json()["source"], "preset");
    }
    let english = call(&app.student(), CHAT_PATHS[0], &[("accept-language", "en")]).await.problem(401, "unauthorized");
    assert!(english["detail"].as_str().unwrap().contains("token"), "{english}");
    // What is no question is refused as well.
    app.student().post(CHAT_PATHS[0], json!({})).await.problem(401, "unauthorized");
    assert_eq!(app.openai.stats().calls, 0);
}

#[tokio::test]
async fn a_token_is_accepted_until_it_is_revoked() {
    let app = TestApp::with(&PRODUCTION).await;
    let store = app.store().await;
    let token = token(&app).await;
    let bearer = format!("Bearer {token}");
    for path in [CHAT_PATHS[0], CHAT_PATHS[1], GUIDE_PATH] {
        call(&app.student(), path, &[("authorization", bearer.as_str()), ("sec-fetch-site", "cross-site")])
            .await
            .expect(200);
    }
    assert!(!app.database_holds(token.as_bytes()), "only its hash is stored");
    store.revoke_api_token(store.api_tokens().await.unwrap()[0].id).await.unwrap();
    call(&app.student(), CHAT_PATHS[0], &[("authorization", bearer.as_str())]).await.problem(401, "unauthorized");
}

#[tokio::test]
async fn a_page_with_a_learner_is_accepted_and_a_page_of_another_site_is_not() {
    let app = TestApp::with(&PRODUCTION).await;
    let student = app.student();
    student.begin("과학 탐구").await;
    for path in [CHAT_PATHS[0], CHAT_PATHS[1], GUIDE_PATH] {
        for headers in [[("sec-fetch-site", "same-origin")], [("origin", ADDRESS)]] {
            call(&student, path, &headers).await.expect(200);
        }
    }
    // A guide may still be written.
    let calls = app.calls(CHAT);
    for path in CHAT_PATHS {
        // With the cookie alone, as a program sends it, or from a sibling host, whose pages send the cookie too.
        for headers in [&[][..], &[("sec-fetch-site", "same-site")], &[("origin", "https://evil.example.kr")]] {
            call(&student, path, headers).await.problem(401, "unauthorized");
        }
    }
    assert_eq!(app.calls(CHAT), calls);
}

#[tokio::test]
async fn the_guides_of_presets_and_greetings_need_no_token() {
    let app = TestApp::with(&PRODUCTION).await;
    for path in [GUIDE_PATH, "/api/v1/chat/initial-message"] {
        app.student().post(path, json!({ "topic": "과학 탐구" })).await.expect(200);
    }
}

#[tokio::test]
async fn switched_off_nobody_is_answered_but_pages_have_their_guides() {
    let app = TestApp::with(&["--stateless-api", "off"]).await;
    let bearer = format!("Bearer {}", token(&app).await);
    let student = app.student();
    student.begin("과학 탐구").await;
    for path in CHAT_PATHS {
        for headers in [&[][..], &[("authorization", bearer.as_str())], &[("sec-fetch-site", "same-origin")]] {
            call(&student, path, headers).await.problem(403, "stateless-off");
        }
    }
    call(&app.student(), GUIDE_PATH, &[]).await.problem(403, "stateless-off");
    assert_eq!(app.openai.stats().calls, 0);
    call(&student, GUIDE_PATH, &[("sec-fetch-site", "same-origin"), ("prefer", "wait=20")]).await.expect(200);
    assert_eq!(app.calls(GUIDE), 1);
}

#[tokio::test]
async fn stateless_calls_never_use_up_the_budget_of_students() {
    let flags = ["--daily-token-budget", "100000", "--stateless-daily-token-budget", "300"];
    let app = TestApp::with(&[&flags[..], &["--stateless-address-daily-tokens", "0"]].concat()).await;
    app.openai.set(CHAT, Behaviour::text(["하나"]));
    let mut answered = 0;
    let refused = loop {
        let reply = call(&app.student(), CHAT_PATHS[0], &[]).await;
        match reply.status.as_u16() {
            200 => answered += 1,
            _ => break reply,
        }
        assert!(answered < 100, "no limit");
    };
    refused.problem(429, "budget-spent");
    let student = app.student();
    student.post(CHAT_PATHS[1], json!({ "message": "네?" })).await.problem(429, "budget-spent");
    assert_eq!(student.asked_and_answered(QUESTION).await["state"], "done");
    // Also after a restart, which reads both budgets from the database.
    let app = app.restarted().await;
    call(&app.student(), CHAT_PATHS[0], &[]).await.problem(429, "budget-spent");
    assert_eq!(student.moved_to(app.url()).asked_and_answered(QUESTION).await["state"], "done");
}

#[tokio::test]
async fn the_tokens_of_one_address_are_limited() {
    let flags = ["--trusted-proxies", "127.0.0.1", "--stateless-address-daily-tokens", "100"];
    let app = TestApp::with(&flags).await;
    let student = app.student();
    call(&student, CHAT_PATHS[0], &[("x-forwarded-for", "198.51.100.7")]).await.expect(200);
    call(&student, CHAT_PATHS[0], &[("x-forwarded-for", "198.51.100.7")]).await.problem(429, "budget-spent");
    call(&student, CHAT_PATHS[0], &[("x-forwarded-for", "198.51.100.8")]).await.expect(200);
}
