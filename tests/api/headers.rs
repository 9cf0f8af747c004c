//! Security headers.

use super::*;
use reqwest::Method;
use support::reply::Reply;

fn check(reply: &Reply, path: &str) {
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
    assert_eq!(reply.header("referrer-policy"), "strict-origin", "{path}");
    assert_eq!(reply.header("cross-origin-opener-policy"), "same-origin", "{path}");
    assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{path}");
    for feature in ["camera=()", "microphone=()", "geolocation=()"] {
        assert!(reply.header("permissions-policy").contains(feature), "{path}");
    }
    assert_eq!(reply.headers.get_all("content-security-policy").iter().count(), 1, "{path}");
    let policy = reply.header("content-security-policy");
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self'"] {
        assert!(policy.contains(rule), "{path}: {policy}");
    }
    let scripts = policy.split(';').find(|rule| rule.trim().starts_with("script-src")).unwrap();
    assert_eq!(scripts.trim(), "script-src 'self'", "{path}");
    assert!(!policy.contains("http"), "nothing from elsewhere: {policy}");
}

#[tokio::test]
async fn every_kind_of_response_has_the_security_headers() {
    let app = TestApp::start().await;
    let student = app.student();
    for path in [
        "/",
        "/topic-selection.html",
        "/chat.html?topic=x",
        "/help.html",
        "/conversations.html",
        "/health",
        "/ready",
        "/api",
        "/openapi.json",
        "/docs/",
        "/api/v1/conversations",
        "/api/v1/nothing",
        "/nothing",
        "/metrics",
    ] {
        check(&student.get(path).await, path);
    }
    check(&student.post("/api/v1/chat/chat", json!({ "message": "네?" })).await, "an answer");
    check(&student.post("/api/v1/chat/chat", json!({})).await, "a problem");
    check(&student.call(Method::PUT, "/health").send().await, "405");
    check(&student.call(Method::GET, "/nothing").header("accept", "text/html").send().await, "an error page");
}

#[tokio::test]
async fn styles_and_scripts_have_only_the_headers_that_browsers_read() {
    let app = TestApp::start().await;
    let student = app.student();
    let asset = support::first_asset(&student).await;
    let script = asset.replace("css/base.css", "js/chat.js");
    assert_ne!(asset, script);
    for path in [asset, script] {
        let reply = student.get(&path).await.expect(200);
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{path}");
        assert_eq!(reply.header("content-security-policy"), "", "{path}");
        assert_eq!(reply.header("permissions-policy"), "", "{path}");
    }
}

#[tokio::test]
async fn pages_require_trusted_types_and_have_no_inline_script_or_style() {
    let app = TestApp::start().await;
    let student = app.student();
    for path in ["/topic-selection.html", "/chat.html?topic=x", "/help.html", "/conversations.html"] {
        let page = student.get(path).await.expect(200);
        let policy = page.header("content-security-policy");
        assert!(policy.contains("require-trusted-types-for 'script'") && !policy.contains("unsafe"), "{policy}");
        let html = page.text();
        for inline in [" onclick=", " onload=", " style=\"", "<style", "javascript:"] {
            assert!(!html.contains(inline), "{inline} in {path}");
        }
        for script in html.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            assert!(tag.contains("src=\"/static/") || tag.contains("application/json"), "<script{tag}>");
        }
        for origin in ["src=\"http", "src=\"//", "href=\"//", "@import"] {
            assert!(!html.contains(origin), "{origin} in {path}");
        }
    }
}

#[tokio::test]
async fn personal_responses_are_not_cached() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for path in
        [format!("/api/v1/conversations/{conversation}"), "/api/v1/conversations".into(), "/chat.html?topic=x".into()]
    {
        let kept = student.get(&path).await.header("cache-control").to_owned();
        assert!(kept.contains("no-store") || kept.contains("private") || kept.contains("no-cache"), "{path}: {kept:?}");
    }
}
