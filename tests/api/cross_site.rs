//! Requests from pages of other sites: refused with the learner's cookie, allowed for the stateless API.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn a_page_of_another_site_cannot_change_the_data_of_a_student() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
    ] {
        for (method, path) in [
            (Method::POST, "/api/v1/conversations".to_owned()),
            (Method::POST, format!("/api/v1/conversations/{conversation}/turns")),
            (Method::DELETE, format!("/api/v1/conversations/{conversation}")),
            (Method::POST, format!("/api/v1/turns/{turn}/cancel")),
            (Method::POST, format!("/api/v1/turns/{turn}/retry")),
        ] {
            let body = json!({ "topic": "x", "message": "x" });
            let reply = student.call(method, &path).header(name, value).json(&body).send().await;
            reply.problem(403, "cross-site");
        }
    }
    assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn pages_of_this_origin_and_clients_without_a_browser_are_allowed() {
    let app = TestApp::start().await;
    let student = app.student();
    let own = app.url();
    for headers in [
        vec![],
        vec![("sec-fetch-site", "same-origin")],
        vec![("sec-fetch-site", "none")],
        vec![("origin", own.as_str())],
        vec![("sec-fetch-site", "same-origin"), ("origin", own.as_str())],
    ] {
        let mut call = student.call(Method::POST, "/api/v1/conversations").json(&json!({ "topic": "과학 탐구" }));
        for (name, value) in headers {
            call = call.header(name, value);
        }
        call.send().await.expect(201);
    }
}

#[tokio::test]
async fn behind_a_proxy_the_public_url_counts_as_this_origin() {
    let app = TestApp::with(&["--app-base-url", "https://class.example.kr"]).await;
    let from = async |origin: &str| {
        let call = app.student().call(Method::POST, "/api/v1/conversations").header("origin", origin);
        call.json(&json!({ "topic": "과학 탐구" })).send().await.status.as_u16()
    };
    assert_eq!(from("https://class.example.kr").await, 201);
    assert_eq!(from("https://class.example.kr.evil.example").await, 403);
}

#[tokio::test]
async fn scripts_of_any_origin_may_call_the_stateless_api_without_cookies() {
    let app = TestApp::start().await;
    let student = app.student();
    for path in ["chat", "chat/stream", "initial-message", "initial-guide"] {
        let path = format!("/api/v1/chat/{path}");
        let asked = student
            .call(Method::OPTIONS, &path)
            .header("origin", "https://other.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
            .send()
            .await;
        assert!(asked.status.is_success(), "{path}: {}", asked.status);
        assert_eq!(asked.header("access-control-allow-origin"), "*");
        assert!(asked.header("access-control-allow-methods").contains("POST"));
        let headers = asked.header("access-control-allow-headers");
        // `*` would not stand for the first.
        assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
        assert_eq!(asked.header("access-control-allow-credentials"), "");

        let call = student.call(Method::POST, &path).header("origin", "https://other.example");
        let call = call.header("sec-fetch-site", "cross-site");
        let reply = call.json(&json!({ "message": "네?", "topic": "과학 탐구" })).send().await.expect(200);
        assert_eq!(reply.header("access-control-allow-origin"), "*");
        assert_eq!(reply.header("access-control-allow-credentials"), "");
        // A script must be able to read the problem.
        let call = student.call(Method::POST, &path).header("origin", "https://other.example");
        let refused = call.json(&json!({ "topic": 5 })).send().await;
        assert_eq!(refused.problem(422, "invalid")["status"], 422);
        assert_eq!(refused.header("access-control-allow-origin"), "*");
    }
}

#[tokio::test]
async fn scripts_of_other_origins_cannot_read_the_data_of_a_student() {
    let app = TestApp::start().await;
    let student = app.student();
    student.begin("과학 탐구").await;
    for (method, path) in [(Method::OPTIONS, "/api/v1/conversations"), (Method::GET, "/api/v1/conversations")] {
        let call = student.call(method, path).header("origin", "https://other.example");
        let reply = call.header("access-control-request-method", "POST").send().await;
        let allowed: Vec<_> = reply.headers.keys().filter(|name| name.as_str().starts_with("access-control")).collect();
        assert!(allowed.is_empty(), "{allowed:?}");
    }
}

#[tokio::test]
async fn the_settings_can_restrict_the_allowed_origins() {
    let origins = "https://a.example,https://B.example:443/,https://교실.kr";
    let app = TestApp::with(&["--cors-allow-origins", origins]).await;
    let allowed = async |origin: &str| {
        let call = app.student().call(Method::POST, "/api/v1/chat/initial-message").header("origin", origin);
        let reply = call.json(&json!({ "topic": "과학 탐구" })).send().await;
        reply.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed("https://a.example").await, "https://a.example");
    assert_eq!(allowed("https://b.example").await, "https://b.example");
    assert_eq!(allowed("https://xn--9d0b622b.kr").await, "https://xn--9d0b622b.kr");
    assert_eq!(allowed("https://c.example").await, "");
}
