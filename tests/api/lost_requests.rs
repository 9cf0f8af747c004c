//! Clients that disconnect before the response.

use super::*;
use support::eventually;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Sends the question on a separate connection. Dropping the connection disconnects.
pub(super) async fn send(app: &TestApp, student: &Student, conversation: &str, key: &str) -> TcpStream {
    let body = json!({ "message": QUESTION }).to_string();
    let request = format!(
        "POST /api/v1/conversations/{conversation}/turns HTTP/1.1\r\nHost: {}\r\nCookie: {}\r\nIdempotency-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        app.address,
        student.cookie().unwrap(),
        body.len(),
    );
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    socket
}

#[tokio::test]
async fn a_question_whose_client_disconnects_is_either_answered_or_not_stored() {
    let app = TestApp::start().await;
    let student = app.student();
    for n in 0..10 {
        let conversation = student.begin("과학 탐구").await;
        let key = format!("key-{n}");
        drop(send(&app, &student, &conversation, &key).await);
        // A page repeats a request without a response, with the same key.
        let reply = student.send(&conversation, QUESTION, Some(&key)).await.expect(202);
        let turn = reply.json()["turn_id"].as_str().unwrap().to_owned();
        assert_eq!(student.finish(&turn).await.state, "done");
        let turns = student.conversation(&conversation).await["turns"].take();
        assert_eq!(turns.as_array().unwrap().len(), 1);
    }
    assert_eq!(app.calls(CHAT), 10);
}

#[tokio::test]
async fn a_turn_runs_without_any_follower() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    // The client waits until the model is called, and disconnects without reading the response.
    let socket = send(&app, &student, &conversation, "key").await;
    app.openai.wait_for_calls_of(CHAT, 1).await;
    drop(socket);
    eventually("the turn's end", async || {
        let state = student.stored(&conversation).await["state"].take();
        (state == "done").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_incomplete_request_stores_nothing() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let head = format!(
        "POST /api/v1/conversations/{conversation}/turns HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {}\r\n\
         Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{\"message\":\"",
        student.cookie().unwrap(),
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    drop(socket);
    // The conversation accepts the next question.
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn many_disconnecting_clients_leave_the_database_usable() {
    let app = TestApp::start().await;
    let body = json!({ "topic": "과학 탐구" }).to_string();
    let request = format!(
        "POST /api/v1/conversations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let hang_ups = (0..50).map(async |_| {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(request.as_bytes()).await.unwrap();
    });
    futures_util::future::join_all(hang_ups).await;
    assert_eq!(app.student().asked_and_answered(QUESTION).await["state"], "done");
    assert_eq!(app.student().get("/ready").await.expect(200).json()["store"], "ok");
}
