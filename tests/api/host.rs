//! The host names that the program answers to.

use super::*;
use reqwest::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const PATHS: [&str; 6] = ["/topic-selection.html", "/metrics", "/ready", "/api/v1/conversations", "/docs/", "/nothing"];

/// Sends this request head and returns the status.
async fn status(app: &TestApp, head: &str) -> u16 {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(format!("{head}\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    support::soon("an answer", socket.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head}: {answer}"))
}

#[tokio::test]
async fn a_request_for_an_unknown_host_is_refused() {
    let app = TestApp::start().await;
    for path in PATHS {
        for host in ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.evil.example"] {
            let reply = app.student().call(Method::GET, path).header("host", host).send().await;
            reply.problem(421, "unknown-host");
        }
    }
    let post = app.student().call(Method::POST, "/api/v1/chat/chat").header("host", "evil.example");
    post.json(&json!({ "message": QUESTION })).send().await.problem(421, "unknown-host");
    assert_eq!(app.openai.stats().calls, 0);
}

#[tokio::test]
async fn a_request_without_exactly_one_host_is_refused() {
    let app = TestApp::start().await;
    for path in PATHS {
        assert_eq!(status(&app, &format!("GET {path} HTTP/1.1")).await, 400, "{path}: none");
        let twice = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nHost: localhost");
        assert_eq!(status(&app, &twice).await, 400, "{path}: twice");
        assert_eq!(status(&app, &format!("GET {path} HTTP/1.1\r\nHost:")).await, 400, "{path}: empty");
    }
    assert_eq!(status(&app, "GET http://evil.example/ready HTTP/1.1\r\nHost: localhost").await, 421);
    // HTTP/1.0 does not require Host.
    assert_eq!(status(&app, "GET /ready HTTP/1.0").await, 200);
}

#[tokio::test]
async fn the_configured_names_and_all_ip_addresses_are_answered() {
    let flags = ["--app-base-url", "https://class.example.kr", "--allowed-hosts", "classroom.local, Second.Example"];
    let app = TestApp::with(&flags).await;
    let names =
        ["localhost", "127.0.0.1:8000", "[::1]", "192.168.0.7:8000", "class.example.kr", "CLASS.example.kr:443"];
    for host in names.into_iter().chain(["classroom.local", "second.example."]) {
        app.student().call(Method::GET, "/topic-selection.html").header("host", host).send().await.expect(200);
    }
    app.student()
        .call(Method::GET, "/help.html")
        .header("host", "third.example")
        .send()
        .await
        .problem(421, "unknown-host");
    let any = TestApp::with(&["--allowed-hosts", "*"]).await;
    any.student().call(Method::GET, "/help.html").header("host", "third.example").send().await.expect(200);
}

#[tokio::test]
async fn names_with_korean_letters_and_a_dot_at_the_end_are_answered() {
    let flags = ["--app-base-url", "http://교실.kr", "--allowed-hosts", "학교.kr,class.example.kr."];
    let app = TestApp::with(&flags).await;
    for host in ["xn--9d0b622b.kr", "XN--9D0B622B.kr.:80", "xn--9d0b527e.kr", "class.example.kr", "class.example.kr."] {
        app.student().call(Method::GET, "/topic-selection.html").header("host", host).send().await.expect(200);
    }
    let call = app.student().call(Method::GET, "/help.html").header("host", "example.kr").send().await;
    call.problem(421, "unknown-host");
}

#[tokio::test]
async fn health_is_answered_for_any_host() {
    let app = TestApp::start().await;
    for host in ["backend", "10.0.0.5:8000", "evil.example"] {
        app.student().call(Method::GET, "/health").header("host", host).send().await.expect(200);
    }
    assert_eq!(status(&app, "GET /health HTTP/1.1").await, 200);
}

#[tokio::test]
async fn a_trusted_proxy_may_rewrite_the_host() {
    let flags = ["--trusted-proxies", "127.0.0.1", "--app-base-url", "http://class.example.kr"];
    let app = TestApp::with(&flags).await;
    let student = app.student();
    let call = |origin: &'static str| {
        let call = student.call(Method::POST, "/api/v1/conversations").header("host", "backend.internal");
        let call = call.header("x-forwarded-for", "198.51.100.7:5678").header("origin", origin);
        call.json(&json!({ "topic": "과학 탐구" }))
    };
    call("http://class.example.kr").send().await.expect(201);
    call("http://evil.example").send().await.problem(403, "cross-site");
    // A forwarded request counts as one from outside.
    let call = student.call(Method::GET, "/metrics").header("host", "backend.internal");
    call.header("x-forwarded-for", "198.51.100.7").send().await.problem(404, "not-found");
    for client in ["198.51.100.7", "127.0.0.1", "10.0.0.5", "[::1]:80"] {
        let call = student.call(Method::GET, "/ready").header("host", "backend.internal");
        let ready = call.header("x-forwarded-for", client).send().await.expect(200).json();
        assert_eq!(ready, json!({ "status": "ready" }), "{client}: a page may write this header itself");
    }
}

#[tokio::test]
async fn only_the_operators_networks_see_the_state_of_each_part() {
    let app = TestApp::with(&["--trusted-proxies", "127.0.0.1"]).await;
    let ready = async |name: &str, value: &str| {
        let call = app.student().call(Method::GET, "/ready").header(name, value);
        call.send().await.expect(200).json().as_object().unwrap().len()
    };
    for near in ["127.0.0.1", "10.1.2.3", "192.168.0.7:443", "[fd00::1]:80", "172.16.0.1"] {
        assert_eq!(ready("x-forwarded-for", near).await, 6, "{near}");
    }
    for far in ["198.51.100.7", "198.51.100.7, 127.0.0.1", "2001:db8::1"] {
        assert_eq!(ready("x-forwarded-for", far).await, 1, "{far}");
    }
    for header in ["forwarded", "x-real-ip"] {
        assert_eq!(ready(header, "127.0.0.1").await, 1, "{header} isn't read, so who asks isn't known");
    }
    let nobody_trusted = TestApp::start().await;
    let call = nobody_trusted.student().call(Method::GET, "/ready").header("x-forwarded-for", "127.0.0.1");
    assert_eq!(call.send().await.expect(200).json(), json!({ "status": "ready" }));
}
