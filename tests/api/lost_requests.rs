//! Connections that break at the worst moment.

use super::*;
use support::eventually;
use tokio::{io::AsyncWriteExt, net::TcpStream};

/// Sends the question as bytes on a connection of its own. Dropping that hangs up.
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
async fn a_message_whose_sender_hung_up_is_answered_or_was_never_there() {
    let app = TestApp::start().await;
    let student = app.student();
    for n in 0..10 {
        let conversation = student.begin("과학 탐구").await;
        let key = format!("key-{n}");
        drop(send(&app, &student, &conversation, &key).await);
        // What a page does whose request got no answer: it sends again, with the same key.
        let reply = student.send(&conversation, QUESTION, Some(&key)).await.expect(202);
        let turn = reply.json()["turn_id"].as_str().unwrap().to_owned();
        assert_eq!(student.finish(&turn).await.state, "done");
        let turns = student.conversation(&conversation).await["turns"].take();
        assert_eq!(turns.as_array().unwrap().len(), 1);
    }
    assert_eq!(app.calls(CHAT), 10);
}

#[tokio::test]
async fn a_turn_runs_although_nobody_ever_asked_for_its_answer() {
    let app = TestApp::start().await;
    let student = app.student();
    let conversation = student.begin("과학 탐구").await;
    // The client's end is open until the model is asked, then closed without having read a byte.
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
async fn half_a_request_leaves_nothing_behind() {
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
    // The conversation is free for the next question.
    let turn = student.ask(&conversation, QUESTION).await;
    assert_eq!(student.finish(&turn).await.state, "done");
    assert_eq!(student.conversation(&conversation).await["turns"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn many_who_hang_up_in_the_middle_leave_the_database_usable() {
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
