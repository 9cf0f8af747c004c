//! Limits of time. The server stands still; only what the client makes of it is looked at, never how long it took.

use super::*;
use llm::TimeoutPhase;
use openai::{Behaviour, Raw};
use tokio::net::{TcpSocket, TcpStream};

const SHORT: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_server_that_says_nothing_runs_into_the_first_token_limit() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { first_token_timeout: SHORT, fallbacks: vec!["x".into()], ..settings(&server) });
    for gate in [0, 1] {
        server.reset();
        server.queue(CHAT, Behaviour::raw([": hm\n\n", "data: [DONE]\n\n"]).gate_at(gate));
        assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::FirstToken)));
        server.wait_for_disconnects(1).await;
        assert_eq!(calls(&server), 1, "the student has waited long enough");
    }
}

#[tokio::test]
async fn comments_and_thoughts_are_no_answer_however_long_they_go_on() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { total_timeout: SHORT, ..settings(&server) });
    for noise in [": keep-alive\n\n", "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"음\"}}]}\n\n"] {
        server.queue(CHAT, Behaviour { gap_ms: 1, ..Behaviour::raw(vec![noise; 60_000]) });
        assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::Total)));
    }
    server.wait_for_disconnects(2).await;
}

#[tokio::test]
async fn an_answer_that_stalls_runs_into_the_idle_limit() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { idle_timeout: SHORT, ..settings(&server) });
    server.queue(CHAT, Behaviour::text(["하나", "둘"]).gate_at(1));
    let (texts, end) = read(client.stream(chat()).await.unwrap()).await;
    assert_eq!((texts, end), (vec!["하나".to_owned()], Err(Error::Timeout(TimeoutPhase::Idle))));
    server.wait_for_disconnects(1).await;
}

#[tokio::test]
async fn comments_keep_an_answer_alive_but_not_for_ever() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { total_timeout: SHORT, ..settings(&server) });
    let mut writes = vec![Raw::Text(": keep-alive\n\n".into()); 60_000];
    writes[0] = Raw::Text("data: {\"choices\":[{\"delta\":{\"content\":\"하나\"}}]}\n\n".into());
    server.queue(CHAT, Behaviour { raw: Some(writes), gap_ms: 1, ..Behaviour::default() });
    let (_, end) = read(client.stream(chat()).await.unwrap()).await;
    assert_eq!(end, Err(Error::Timeout(TimeoutPhase::Total)));
    server.wait_for_disconnects(1).await;
}

#[tokio::test]
async fn reasoning_keeps_an_answer_alive_but_not_for_ever() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { total_timeout: SHORT, ..settings(&server) });
    let mut writes = vec![Raw::Text("data: {\"choices\":[{\"delta\":{\"reasoning\":\"음\"}}]}\n\n".into()); 60_000];
    writes[0] = Raw::Text("data: {\"choices\":[{\"delta\":{\"content\":\"하나\"}}]}\n\n".into());
    server.queue(CHAT, Behaviour { raw: Some(writes), gap_ms: 1, ..Behaviour::default() });
    assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::Total)));
}

#[tokio::test]
async fn a_reader_that_takes_its_time_is_no_idle_server() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { idle_timeout: Duration::from_secs(10), ..settings(&server) });
    let mut answer = client.stream(chat()).await.unwrap();
    server.wait_for_finished(1).await;
    let mut pieces = 0;
    while let Some(piece) = answer.next().await {
        piece.unwrap();
        pieces += 1;
        if pieces == 2 {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(20)).await;
            tokio::time::resume();
        }
    }
    assert_eq!(pieces, openai::canned::CHAT.len() + 1);
}

#[tokio::test]
async fn the_total_limit_covers_retries_and_their_pauses() {
    let server = FakeOpenAi::start().await;
    let limits = Settings { total_timeout: Duration::from_secs(5), ..settings(&server) };
    let client = client(limits);
    server.set(CHAT, Behaviour::status(503, "").header("retry-after", "9"));
    assert_eq!(client.complete(chat()).await, Err(Error::Server { status: 503 }));
    assert_eq!(calls(&server), 1, "after such a pause there would be no time left");

    let client = super::client(Settings { total_timeout: SHORT, ..settings(&server) });
    server.set(CHAT, Behaviour::default().gate_at(0));
    assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::Total)));
}

#[tokio::test]
async fn a_refusal_that_never_ends_is_a_refusal_still() {
    let server = FakeOpenAi::start().await;
    let stalled = Behaviour { status: 401, body: None, ..Behaviour::raw(["{\"error\":"]) };
    server.set(CHAT, stalled.gate_at(1));
    assert_eq!(client(settings(&server)).complete(chat()).await, Err(Error::Unauthorized));
}

#[tokio::test]
async fn a_connection_that_never_opens_runs_into_the_connect_limit() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Fills the queue of a listener that never accepts, until one more is left hanging.
    let mut queued = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
    }
    let settings = Settings::new(format!("http://{address}/v1"), "m");
    let client = client(Settings { connect_timeout: SHORT, retries: 1, retry_delay: SHORT / 60, ..settings });
    assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::Connect)));
}

#[tokio::test]
async fn a_port_without_a_listener_cannot_be_reached() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    drop(server);
    assert_eq!(client.complete(chat()).await, Err(Error::Connect));
}
