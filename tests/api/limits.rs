//! Limits of the size of requests.

use super::*;
use reqwest::Method;

#[tokio::test]
async fn a_message_has_at_most_two_thousand_characters() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let problem = student.send(&conversation, &"가".repeat(2_001), None).await.problem(422, "invalid");
    assert_eq!(problem["errors"][0]["field"], "message");
    assert!(problem["detail"].as_str().unwrap().contains("2,000자"));
    let longest = "가".repeat(2_000);
    let turn = student.ask(&conversation, &longest).await;
    student.finish(&turn).await;
    assert_eq!(student.stored(&conversation).await["message"], longest);
}

#[tokio::test]
async fn a_topic_has_at_most_a_hundred_characters() {
    let app = TestApp::start().await;
    let student = app.student();
    for path in ["/api/v1/conversations", "/api/v1/chat/initial-message", "/api/v1/chat/initial-guide"] {
        let problem = student.post(path, json!({ "topic": "가".repeat(101) })).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "topic");
        student.post(path, json!({ "topic": "" })).await.problem(422, "invalid");
        assert!(student.post(path, json!({ "topic": "가".repeat(100) })).await.status.is_success(), "{path}");
    }
}

#[tokio::test]
async fn an_empty_message_is_refused() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    for message in ["", "  \n\t", "\u{0}", "\u{200b}\u{feff}", "\u{3164}"] {
        let problem = student.send(&conversation, message, None).await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "message");
    }
    assert_eq!(student.conversation(&conversation).await["turns"], json!([]));
}

#[tokio::test]
async fn a_body_has_at_most_sixty_four_kibibytes() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let padded = |bytes: usize| {
        let body = json!({ "message": QUESTION, "topic": "과학 탐구" }).to_string();
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    for path in [
        "/api/v1/conversations".to_owned(),
        "/api/v1/chat/chat".to_owned(),
        "/api/v1/chat/chat/stream".to_owned(),
        format!("/api/v1/conversations/{conversation}/turns"),
    ] {
        let send = async |bytes| {
            let call = student.call(Method::POST, &path).header("content-type", "application/json");
            call.body(padded(bytes)).send().await
        };
        send(64 * 1024 + 1).await.problem(413, "body-too-large");
        send(65 * 1024).await.problem(413, "body-too-large");
        assert!(send(64 * 1024).await.status.is_success(), "{path}");
    }
}

#[tokio::test]
async fn a_body_without_content_length_is_limited() {
    let app = TestApp::start().await;
    let chunks = futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024])));
    let call = app.student().call(Method::POST, "/api/v1/chat/chat").header("content-type", "application/json");
    call.body(reqwest::Body::wrap_stream(chunks)).send().await.problem(413, "body-too-large");
}

#[tokio::test]
async fn a_key_has_one_to_a_hundred_visible_characters() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let path = format!("/api/v1/conversations/{conversation}/turns");
    let keys: [&[u8]; 4] = [b"", &[b'k'; 101], "열쇠".as_bytes(), b"\xff"];
    for key in keys {
        let call = student.call(Method::POST, &path).header("idempotency-key", key);
        let problem = call.json(&json!({ "message": QUESTION })).send().await.problem(422, "invalid");
        assert_eq!(problem["errors"][0]["field"], "Idempotency-Key");
    }
    student.send(&conversation, QUESTION, Some(&"k".repeat(100))).await.expect(202);
}
