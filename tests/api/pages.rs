//! The URLs of pages.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn the_root_permanently_redirects_to_the_topic_page() {
    let app = TestApp::start().await;
    let reply = app.student().get("/").await.expect(301);
    assert_eq!(reply.header("location"), "/topic-selection.html");
}

#[tokio::test]
async fn every_page_exists_in_both_languages() {
    let app = TestApp::start().await;
    let student = app.student();
    for path in
        ["/topic-selection.html", "/index.html?topic=x", "/chat.html?topic=x", "/conversations.html", "/help.html"]
    {
        for language in ["ko", "en"] {
            let page = student.call(Method::GET, path).header("accept-language", language).send().await.expect(200);
            assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(page.header("content-language"), language, "{path}");
            let html = page.text();
            assert!(html.starts_with("<!doctype html>") || html.starts_with("<!DOCTYPE html>"), "{path}");
            assert!(html.contains(&format!("lang=\"{language}\"")), "{path}");
            assert_eq!(page.header("set-cookie"), "", "who only looks gets no cookie");
        }
    }
}

#[tokio::test]
async fn urls_of_earlier_versions_still_work() {
    let app = TestApp::start().await;
    let student = app.student();
    let topic = "%EA%B3%BC%ED%95%99%20%ED%83%90%EA%B5%AC";
    for path in ["/index.html", "/chat.html"] {
        let page = student.get(&format!("{path}?topic={topic}")).await.expect(200);
        assert!(page.text().contains("과학 탐구"), "{path}");
    }
    for path in ["/mode-selection.html", "/index.html", "/chat.html", "/chat.html?topic="] {
        let reply = student.get(path).await;
        assert!(reply.status.is_redirection(), "{path}: {}", reply.status);
        assert_eq!(reply.header("location"), "/topic-selection.html", "{path}");
    }
}

#[tokio::test]
async fn a_topic_is_escaped_on_every_page() {
    let app = TestApp::start().await;
    let topic = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%20onload%3D%22x";
    let html = app.student().get(&format!("/chat.html?topic={topic}")).await.expect(200).text();
    assert!(!html.contains("<script>alert"), "{html}");
    // The quotation mark must not end the attribute.
    for value in ["data-topic=\"", "<title>"] {
        let shown = html.split_once(value).unwrap().1.split(['"', '<']).next().unwrap();
        assert!(shown.contains("alert(1)") && shown.contains("onload="), "{shown}");
    }
}

#[tokio::test]
async fn the_greeting_on_the_page_is_the_one_of_the_api() {
    let app = TestApp::start().await;
    let student = app.student();
    let greeting = student.post("/api/v1/chat/initial-message", json!({ "topic": "과학 탐구" })).await.json();
    let page = student.get("/chat.html?topic=%EA%B3%BC%ED%95%99%20%ED%83%90%EA%B5%AC").await.text();
    let first_line = greeting["message"].as_str().unwrap().lines().next().unwrap();
    assert!(page.contains(first_line), "{first_line}");
}
