//! The limit of open connections: others get 503 at once, and load balancers still get the health of the program.

use super::*;
use support::reply::Reply;
use tokio::{io::AsyncReadExt, io::AsyncWriteExt, net::TcpStream};

/// A program with a limit of one connection, and this connection.
async fn crowded() -> (TestApp, TcpStream) {
    let app = TestApp::practice_with(&["--max-connections", "1"]).await;
    let mut only = TcpStream::connect(app.address).await.unwrap();
    only.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    support::soon("an answer", only.read_exact(&mut [0; 16])).await.unwrap();
    (app, only)
}

/// Sends a request on a new connection, which the program must close. Returns head and body.
async fn alone(app: &TestApp, method: &str, path: &str, headers: &str) -> (String, String) {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    support::soon("the end", socket.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

#[tokio::test]
async fn a_connection_beyond_the_limit_gets_503_at_once() {
    let (app, _only) = crowded().await;
    for (locale, title) in [("ko", "지금은 접속한 사람이 너무 많아요"), ("en", "Too many people are here right now")]
    {
        let (head, page) =
            alone(&app, "GET", "/chat.html", &format!("Accept: text/html\r\nAccept-Language: {locale}")).await;
        assert!(head.starts_with("http/1.1 503 "), "{head}");
        assert!(head.contains("\nretry-after: 5") && head.contains("\nconnection: close"), "{head}");
        assert!(head.contains("\ncontent-type: text/html") && head.contains("\ncontent-security-policy:"), "{head}");
        assert!(page.contains(title), "{page}");
    }
    let body = "content-type: application/json\r\ncontent-length: 2\r\n\r\n{}";
    for (method, path, rest) in [
        ("GET", "/api/v1/conversations", ""),
        ("POST", "/api/v1/conversations", body),
        ("POST", "/api/v1/chat/chat", body),
        ("GET", "/metrics", ""),
        ("GET", "/nothing", ""),
    ] {
        let (head, body) = alone(&app, method, path, rest).await;
        assert!(head.starts_with("http/1.1 503 ") && head.contains("\nretry-after: 5"), "{path}: {head}");
        assert!(body.contains("/problems/overloaded") && body.contains("접속한 사람이 너무 많아서"), "{path}: {body}");
    }
}

#[tokio::test]
async fn health_and_readiness_are_answered_beyond_the_limit_of_connections() {
    let (app, _only) = crowded().await;
    for _ in 0..200 {
        for (path, status) in [("/health", "healthy"), ("/ready", "ready")] {
            let (head, body) = alone(&app, "GET", path, "").await;
            assert!(head.starts_with("http/1.1 200 ") && head.contains("\nconnection: close"), "{path}: {head}");
            assert!(body.contains(status), "{path}: {body}");
        }
    }
}

#[tokio::test]
async fn a_refused_client_is_served_once_a_connection_ends() {
    let (app, only) = crowded().await;
    app.student().get("/help.html").await.expect(503);
    drop(only);
    let served = support::eventually("a free place", async || {
        let reply: Reply = app.student().get("/help.html").await;
        (reply.status == 200).then_some(reply)
    });
    assert!(served.await.text().contains("<main"));
}
