//! HEAD, OPTIONS, and methods without a handler.

use super::*;
use reqwest::Method;
use std::collections::BTreeSet;

/// The id of nothing.
const ID: &str = "0190a5b0-0000-7000-8000-000000000000";

/// The methods of the paths that the OpenAPI document leaves out: pages, and files for programs.
const UNDOCUMENTED: [(&str, &str); 13] = [
    ("/", "GET,HEAD"),
    ("/topic-selection.html", "GET,HEAD"),
    ("/index.html", "GET,HEAD"),
    ("/chat.html", "GET,HEAD"),
    ("/conversations.html", "GET,HEAD"),
    ("/help.html", "GET,HEAD"),
    ("/mode-selection.html", "GET,HEAD"),
    ("/leave.html", "GET,HEAD,POST"),
    ("/own-topic.html", "GET,HEAD,POST"),
    ("/metrics", "GET,HEAD"),
    ("/openapi.json", "GET,HEAD"),
    ("/docs/", "GET,HEAD"),
    ("/docs/swagger-ui.css", "GET,HEAD"),
];

fn methods(header: &str) -> BTreeSet<String> {
    header.split(',').map(|method| method.trim().to_owned()).collect()
}

/// Every path with its methods.
async fn paths(app: &TestApp) -> Vec<(String, BTreeSet<String>)> {
    let student = app.student();
    let document = student.get("/openapi.json").await.expect(200).json();
    let mut paths: Vec<_> = UNDOCUMENTED.map(|(path, allowed)| (path.to_owned(), methods(allowed))).into();
    paths.push((support::first_asset(&student).await, methods("GET,HEAD")));
    for (path, operations) in document["paths"].as_object().unwrap() {
        let mut allowed: BTreeSet<_> = operations.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
        if allowed.contains("GET") {
            allowed.insert("HEAD".to_owned());
        }
        paths.push((path.replace("{id}", ID), allowed));
    }
    paths
}

#[tokio::test]
async fn a_405_lists_the_methods_of_the_path() {
    let app = TestApp::start().await;
    for (path, allowed) in paths(&app).await {
        for method in [Method::PUT, Method::PATCH, Method::from_bytes(b"BREW").unwrap()] {
            let reply = app.student().call(method, &path).send().await;
            reply.problem(405, "method-not-allowed");
            assert_eq!(methods(&reply.header("allow")), allowed, "{path}");
        }
    }
}

#[tokio::test]
async fn options_lists_the_methods_of_the_path() {
    let app = TestApp::start().await;
    for (path, mut allowed) in paths(&app).await {
        let reply = app.student().call(Method::OPTIONS, &path).send().await.expect(204);
        assert!(reply.bytes.is_empty());
        allowed.insert("OPTIONS".to_owned());
        assert_eq!(methods(&reply.header("allow")), allowed, "{path}");
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
