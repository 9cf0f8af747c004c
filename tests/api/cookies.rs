//! The cookie by which a learner is known.

use super::*;
use reqwest::Method;

async fn cookie(app: &TestApp) -> String {
    let reply = app.student().post("/api/v1/conversations", json!({ "topic": "과학 탐구" })).await.expect(201);
    reply.header("set-cookie").to_owned()
}

#[tokio::test]
async fn it_is_out_of_reach_for_scripts_and_other_sites() {
    let app = TestApp::start().await;
    let cookie = cookie(&app).await;
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let token = pair.strip_prefix("llm_classroom_learner=").unwrap();
    assert!(token.len() == 32 && token.bytes().all(|digit| digit.is_ascii_hexdigit()), "{token}");
    let attributes: Vec<&str> = attributes.split("; ").collect();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=34560000"] {
        assert!(attributes.contains(&attribute), "{attributes:?}");
    }
    assert!(!attributes.contains(&"Secure"), "else http://localhost would not work");
    assert!(!attributes.iter().any(|attribute| attribute.starts_with("Domain")));
}

#[tokio::test]
async fn behind_https_it_is_sent_over_nothing_else() {
    let app = TestApp::with(&["--app-base-url", "https://class.example.kr"]).await;
    assert!(cookie(&app).await.split("; ").any(|attribute| attribute == "Secure"));
}

#[tokio::test]
async fn it_is_made_once_and_never_the_same() {
    let app = TestApp::start().await;
    assert_ne!(cookie(&app).await, cookie(&app).await);
    let student = app.student();
    student.begin("과학 탐구").await;
    let again = student.post("/api/v1/conversations", json!({ "topic": "역사 연구" })).await.expect(201);
    assert_eq!(again.header("set-cookie"), "");
}

#[tokio::test]
async fn a_cookie_nobody_was_given_names_nobody() {
    let app = TestApp::start().await;
    for value in ["0".repeat(32), "x".repeat(32), "0".repeat(31), String::new(), "0".repeat(33)] {
        let student = app.student();
        let call = student.call(Method::POST, "/api/v1/conversations");
        let call = call.header("cookie", format!("llm_classroom_learner={value}"));
        let reply = call.json(&json!({ "topic": "과학 탐구" })).send().await.expect(201);
        assert!(reply.header("set-cookie").starts_with("llm_classroom_learner="));
        assert!(!reply.header("set-cookie").contains(&format!("={value};")));
    }
}

#[tokio::test]
async fn it_stands_nowhere_in_the_database() {
    let app = TestApp::start().await;
    let student = app.student();
    student.asked_and_answered("찾을 수 있는 질문").await;
    let cookie = student.cookie().unwrap();
    let token = cookie.split_once('=').unwrap().1;
    assert!(app.database_holds("찾을 수 있는 질문".as_bytes()), "else nothing would be shown");
    let bytes = u128::from_str_radix(token, 16).unwrap().to_be_bytes();
    assert!(!app.database_holds(token.as_bytes()) && !app.database_holds(&bytes));
}
