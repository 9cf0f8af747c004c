//! Compression of responses.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn pages_and_long_responses_are_compressed_as_the_client_accepts() {
    let app = TestApp::start().await;
    let student = app.student();
    let asset = support::first_asset(&student).await;
    for path in ["/topic-selection.html", "/chat.html?topic=x", "/help.html", "/openapi.json", &asset] {
        let plain = student.get(path).await.expect(200);
        assert_eq!(plain.header("content-encoding"), "", "{path}");
        for (accepted, wanted) in [("gzip", "gzip"), ("br", "br"), ("gzip, deflate, br", "br"), ("identity", "")] {
            let reply = student.call(Method::GET, path).header("accept-encoding", accepted).send().await.expect(200);
            assert_eq!(reply.header("content-encoding"), wanted, "{path} {accepted}");
            if !wanted.is_empty() {
                assert!(reply.bytes.len() < plain.bytes.len(), "{path} {accepted}");
                assert!(reply.header("vary").to_lowercase().contains("accept-encoding"), "{path}");
            }
        }
    }
}

#[tokio::test]
async fn streams_are_not_compressed() {
    let app = TestApp::start().await;
    let student = app.student();
    let turn = student.asked_and_answered(QUESTION).await;
    let events = format!("/api/v1/turns/{}/events", turn["id"].as_str().unwrap());
    let followed = student.call(Method::GET, &events).header("accept-encoding", "gzip, br").send().await.expect(200);
    let stateless = student.call(Method::POST, "/api/v1/chat/chat/stream").header("accept-encoding", "gzip, br");
    let stateless = stateless.json(&json!({ "message": "네?" })).send().await.expect(200);
    for reply in [followed, stateless] {
        assert_eq!(reply.header("content-encoding"), "");
        assert_eq!(reply.header("cache-control"), "no-cache, no-transform");
        assert!(reply.text().contains("data: "));
    }
}

#[tokio::test]
async fn the_first_view_of_the_chat_fits_the_initial_congestion_window() {
    let app = TestApp::start().await;
    let student = app.student();
    let fetch = async |path: String| {
        let reply = student.call(Method::GET, &path).header("accept-encoding", "br").send().await.expect(200);
        (reply.bytes.len(), path)
    };
    let html = student.get("/chat.html?topic=%EA%B3%BC%ED%95%99%20%ED%83%90%EA%B5%AC").await.text();
    let styles = html.split("rel=\"stylesheet\"").skip(1).filter_map(|rest| rest.split("href=\"").nth(1));
    let styles: Vec<String> = styles.map(|rest| rest.split('"').next().unwrap().to_owned()).collect();
    assert!(!styles.is_empty());
    let mut sizes = vec![fetch("/chat.html?topic=%EA%B3%BC%ED%95%99%20%ED%83%90%EA%B5%AC".to_owned()).await];
    for style in styles {
        sizes.push(fetch(style).await);
    }
    let total: usize = sizes.iter().map(|(size, _)| size).sum();
    assert!(total <= 14_600, "{total} bytes: {sizes:?}");
}
