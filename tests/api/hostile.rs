//! Malformed and unusual requests get a 4xx and cause no failure.

use super::*;
use reqwest::Method;
use support::reply::Reply;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Every path that takes a body.
async fn paths(student: &Student) -> [String; 6] {
    let conversation = student.begin("과학 탐구").await;
    [
        "/api/v1/conversations".to_owned(),
        format!("/api/v1/conversations/{conversation}/turns"),
        "/api/v1/chat/chat".to_owned(),
        "/api/v1/chat/chat/stream".to_owned(),
        "/api/v1/chat/initial-message".to_owned(),
        "/api/v1/chat/initial-guide".to_owned(),
    ]
}

fn refused(reply: &Reply, what: &str) {
    let status = reply.status.as_u16();
    assert!((400..500).contains(&status), "{what}: {status} {}", reply.text());
    assert_eq!(reply.header("content-type"), "application/problem+json", "{what}");
    let problem = reply.json();
    assert_eq!(problem["status"], status, "{what}");
    assert!(problem["request_id"].is_string());
}

#[tokio::test]
async fn malformed_bodies_are_refused() {
    let app = TestApp::start().await;
    let student = app.student();
    let deep = format!("{{\"message\":{}1{}}}", "[".repeat(20_000), "]".repeat(20_000));
    let bodies: Vec<Vec<u8>> = [
        "",
        " ",
        "{",
        "}",
        "null",
        "true",
        "0",
        "[]",
        "\"x\"",
        "{}",
        "not json",
        "{\"message\":}",
        "{\"message\":null,\"topic\":null}",
        "{\"message\":5,\"topic\":5}",
        "{\"message\":[],\"topic\":{}}",
        "{\"message\":{\"a\":1},\"topic\":[1]}",
        "{\"message\":\"a\",\"message\":\"b\",\"topic\":1}",
        "{\"message\":1e999,\"topic\":1e999}",
        "{\"message\":123456789012345678901234567890,\"topic\":-0}",
        "{\"message\":\"\\u0000\",\"topic\":\"\\u0000\"}",
        "{\"message\":\"\\x\",\"topic\":\"\\x\"}",
        "{'message':'a'}",
        "message=a&topic=b",
        "<xml/>",
        "{\"message\":\"a\",\"topic\":\"b\"} trailing",
        "{\"messages\":\"a\"}",
        "{\"messages\":[1]}",
        "{\"messages\":[{\"role\":\"user\"}]}",
        "{\"messages\":[{\"role\":5,\"content\":\"a\"}]}",
        &deep,
    ]
    .map(|body| body.as_bytes().to_vec())
    .into_iter()
    .chain([
        b"\xff\xfe{\"message\"".to_vec(),
        b"{\"message\":\"\xc3\x28\",\"topic\":\"\xc3\x28\"}".to_vec(),
        vec![0; 1000],
    ])
    .collect();
    for path in paths(&student).await {
        for body in &bodies {
            let call = student.call(Method::POST, &path).header("content-type", "application/json");
            let shown = String::from_utf8_lossy(body).chars().take(60).collect::<String>();
            refused(&call.body(body.clone()).send().await, &format!("{path} {shown}"));
        }
    }
    assert_eq!(app.openai.stats().calls, 0);
}

#[tokio::test]
async fn bodies_of_other_content_types_are_refused() {
    let app = TestApp::start().await;
    let student = app.student();
    let body = json!({ "message": QUESTION, "topic": "과학 탐구" }).to_string();
    for path in paths(&student).await {
        let kinds: [&[u8]; 6] =
            [b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data", b"json", b"\xff"];
        for kind in kinds {
            let call = student.call(Method::POST, &path).header("content-type", kind).body(body.clone());
            call.send().await.problem(415, "not-json");
        }
        student.call(Method::POST, &path).body(body.clone()).send().await.problem(415, "not-json");
        for kind in ["application/json; charset=utf-8", "application/vnd.x+json", "APPLICATION/JSON"] {
            let call = student.call(Method::POST, &path).header("content-type", kind).body(body.clone());
            let status = call.send().await.status;
            assert!(status.is_success() || status == 409, "{path} {kind} {status}");
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored() {
    let app = TestApp::start().await;
    let body = json!({ "message": "네?", "temperature": 99, "stream": true, "max_tokens": -1, "__proto__": {} });
    app.student().post("/api/v1/chat/chat", body).await.expect(200);
    assert_eq!(app.openai.requests_for(CHAT)[0].body["temperature"], 0.7);
}

#[tokio::test]
async fn unusual_headers_cause_no_failure() {
    let app = TestApp::start().await;
    let student = app.student();
    let long = "a".repeat(4_000);
    let values: [&[u8]; 12] = [
        b"",
        b"\xff\xfe\x80",
        b";;;===",
        b"llm_classroom_learner",
        b"llm_classroom_learner=",
        b"=x",
        b"llm_classroom_learner=zz; llm_classroom_learner=\xff",
        b"llm_classroom_learner=%00%00; lang=\xff",
        b"../../etc/passwd",
        "쿠키=값".as_bytes(),
        b"llm_classroom_learner=+0000000000000000000000000000000",
        long.as_bytes(),
    ];
    for header in [
        "cookie",
        "accept",
        "accept-language",
        "accept-encoding",
        "user-agent",
        "referer",
        "prefer",
        "idempotency-key",
        "x-forwarded-for",
        "x-request-id",
        "if-none-match",
        "range",
        "origin",
        "sec-fetch-site",
        "traceparent",
    ] {
        for value in values {
            for (method, path) in [
                (Method::GET, "/topic-selection.html"),
                (Method::GET, "/api/v1/conversations"),
                (Method::POST, "/api/v1/conversations"),
                (Method::POST, "/api/v1/chat/initial-guide"),
            ] {
                let call = student.call(method, path).header(header, value).json(&json!({ "topic": "과학 탐구" }));
                let reply = call.send().await;
                let what = format!("{header}: {}", String::from_utf8_lossy(value));
                assert!(!reply.status.is_server_error(), "{path} {what}");
                if reply.status.is_client_error() {
                    refused(&reply, &what);
                }
            }
        }
    }
}

#[tokio::test]
async fn unusual_paths_and_queries_cause_no_failure() {
    let app = TestApp::start().await;
    let student = app.student();
    student.begin("과학 탐구").await;
    for path in [
        "/api/v1/conversations/../../../etc/passwd",
        "/api/v1/conversations/%2e%2e%2f",
        "/api/v1/conversations/%ff",
        "/api/v1/turns/%00/events",
        "/api/v1/turns/00000000000000000000000000000000/events",
        "/static/../Cargo.toml",
        "/static/x/..%2f..%2fCargo.toml",
        "/static/x/css/%2e%2e/%2e%2e/%2e%2e/Cargo.toml",
        "//",
        "/%",
        "/%zz",
        "/chat.html/",
        "/api/v1/conversations?before=%ff&limit=%ff",
        "/chat.html?topic=%ff%fe",
        "/chat.html?topic=&own=%00",
        "/chat.html?topic=a&topic=b",
        "/chat.html?lang=%ff",
        "/topic-selection.html?lang=../../x",
        "/.env",
        "/.git/config",
        "/docs/../.env",
        "/docs/%2e%2e/openapi.json",
        "/api/",
        "/api/v1",
        "/metrics/",
        "/HEALTH",
    ] {
        let reply = student.get(path).await;
        assert!(!reply.status.is_server_error(), "{path}: {}", reply.status);
        assert!(!reply.text().contains("[package]") && !reply.text().contains("root:"), "{path}");
    }
}

#[tokio::test]
async fn bytes_that_are_no_http_only_close_the_connection() {
    let app = TestApp::start().await;
    let header = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(200_000));
    let smuggled = "POST /api/v1/chat/chat HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n";
    for bytes in [
        "\r\n\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\0\0\0\0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
        smuggled,
        &header,
    ] {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        // The program may close the connection before everything is written.
        _ = socket.write_all(bytes.as_bytes()).await;
        _ = socket.shutdown().await;
        let mut answer = Vec::new();
        _ = support::soon("the connection's end", socket.read_to_end(&mut answer)).await;
        let answer = String::from_utf8_lossy(&answer);
        let shown: String = bytes.chars().take(40).collect();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.0 4"),
            "{shown:?}: {answer}"
        );
    }
    assert_eq!(app.student().get("/health").await.status, 200);
}
