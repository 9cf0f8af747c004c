//! HEAD, OPTIONS, and methods without a handler.

use super::*;
use reqwest::Method;
use std::collections::BTreeSet;

/// Every path with its methods.
const PATHS: [(&str, &str); 24] = [
    ("/", "GET,HEAD"),
    ("/topic-selection.html", "GET,HEAD"),
    ("/index.html", "GET,HEAD"),
    ("/chat.html", "GET,HEAD"),
    ("/conversations.html", "GET,HEAD"),
    ("/help.html", "GET,HEAD"),
    ("/mode-selection.html", "GET,HEAD"),
    ("/leave.html", "GET,HEAD,POST"),
    ("/own-topic.html", "GET,HEAD,POST"),
    ("/api", "GET,HEAD"),
    ("/health", "GET,HEAD"),
    ("/ready", "GET,HEAD"),
    ("/metrics", "GET,HEAD"),
    ("/openapi.json", "GET,HEAD"),
    ("/api/v1/chat/chat", "POST"),
    ("/api/v1/chat/chat/stream", "POST"),
    ("/api/v1/chat/initial-message", "POST"),
    ("/api/v1/chat/initial-guide", "POST"),
    ("/api/v1/conversations", "GET,HEAD,POST"),
    ("/api/v1/conversations/0190a5b0-0000-7000-8000-000000000000", "GET,HEAD,DELETE"),
    ("/api/v1/conversations/0190a5b0-0000-7000-8000-000000000000/turns", "POST"),
    ("/api/v1/conversations/0190a5b0-0000-7000-8000-000000000000/export", "GET,HEAD"),
    ("/api/v1/turns/0190a5b0-0000-7000-8000-000000000000/cancel", "POST"),
    ("/api/v1/turns/0190a5b0-0000-7000-8000-000000000000/events", "GET,HEAD"),
];

fn methods(header: &str) -> BTreeSet<String> {
    header.split(',').map(|method| method.trim().to_owned()).collect()
}

#[tokio::test]
async fn a_405_lists_the_methods_of_the_path() {
    let app = TestApp::start().await;
    for (path, allowed) in PATHS {
        for method in [Method::PUT, Method::PATCH, Method::from_bytes(b"BREW").unwrap()] {
            let reply = app.student().call(method, path).send().await;
            reply.problem(405, "method-not-allowed");
            assert_eq!(methods(&reply.header("allow")), methods(allowed), "{path}");
        }
    }
}

#[tokio::test]
async fn options_lists_the_methods_of_the_path() {
    let app = TestApp::start().await;
    for (path, allowed) in PATHS {
        let reply = app.student().call(Method::OPTIONS, path).send().await.expect(204);
        assert!(reply.bytes.is_empty());
        assert_eq!(methods(&reply.header("allow")), methods(&format!("{allowed},OPTIONS")), "{path}");
    }
    app.student().call(Method::OPTIONS, "/nothing").send().await.expect(404);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let app = TestApp::start().await;
    let student = app.student();
    let asset = support::first_asset(&student).await;
    for path in [
        "/",
        "/topic-selection.html",
        "/chat.html?topic=x",
        "/conversations.html",
        "/help.html",
        "/health",
        "/api",
        "/docs/",
        "/openapi.json",
        "/api/v1/conversations",
        "/nothing",
        &asset,
    ] {
        let get = student.get(path).await;
        let head = student.call(Method::HEAD, path).send().await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.bytes.is_empty(), "{path}");
        for name in
            ["content-type", "content-length", "cache-control", "etag", "location", "content-security-policy", "vary"]
        {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}
