//! Base URLs as people write them, and connections that a server closes between two calls.

use super::*;
use openai::Behaviour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn settings_for(base_url: String) -> Settings {
    Settings { retries: 0, ..Settings::new(base_url, "main-model") }
}

/// A server such as Ollama, whose pages are below `/v1` only.
fn only_below_v1() -> Behaviour {
    Behaviour::status(404, "404 page not found")
}

#[tokio::test]
async fn a_base_url_without_v1_is_put_right_once() {
    let server = FakeOpenAi::start().await;
    let client = client(settings_for(server.url()));
    server.queue(CHAT, only_below_v1());
    for _ in 0..2 {
        client.complete(chat()).await.unwrap();
    }
    let paths: Vec<_> = server.requests().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/chat/completions", "/v1/chat/completions", "/v1/chat/completions"]);
}

#[tokio::test]
async fn the_list_of_models_shows_it_before_the_first_question() {
    let server = FakeOpenAi::start().await;
    let client = client(settings_for(format!("{}/", server.url())));
    assert!(client.discover(&["main-model".to_owned()]).await);
    client.complete(chat()).await.unwrap();
    assert_eq!(server.requests()[0].path, "/v1/chat/completions");
}

#[tokio::test]
async fn the_address_of_a_page_and_a_query_are_accepted() {
    let server = FakeOpenAi::start().await;
    for end in ["/v1/chat/completions", "/v1//", "/v1/chat/completions/", "/v1/models"] {
        client(settings_for(format!("{}{end}?api-version=1", server.url()))).complete(chat()).await.unwrap();
    }
    for call in server.requests() {
        assert_eq!((call.path.as_str(), call.query.as_str()), ("/v1/chat/completions", "api-version=1"));
    }
}

#[tokio::test]
async fn a_server_without_the_page_is_told_from_one_without_the_model() {
    let server = FakeOpenAi::start().await;
    server.set(CHAT, only_below_v1());
    let client = client(settings_for(server.url()));
    for _ in 0..2 {
        assert_eq!(client.complete(chat()).await, Err(Error::PathMissing));
    }
    server.set(CHAT, Behaviour::error(404, "", "model 'main-model' not found, try pulling it first"));
    assert_eq!(client.complete(chat()).await, Err(Error::ModelMissing));
}

/// Reads one request to its end, and says whether there was one.
async fn read_request(socket: &mut TcpStream) -> bool {
    let mut seen = Vec::new();
    loop {
        let mut part = [0; 4096];
        let count = socket.read(&mut part).await.unwrap_or(0);
        seen.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&seen);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return true;
            }
        }
        if count == 0 {
            return false;
        }
    }
}

const REPLY: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"네\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// A server that answers the first request on each connection and takes the second one without a word, as one does
/// that closes kept connections. With `silent` it answers none.
async fn closing_server(silent: bool) -> (String, tokio::sync::watch::Receiver<usize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (connections, seen) = tokio::sync::watch::channel(0);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            connections.send_modify(|count| *count += 1);
            tokio::spawn(async move {
                if read_request(&mut socket).await && !silent {
                    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length";
                    let reply = format!("{head}: {}\r\n\r\n{REPLY}", REPLY.len());
                    socket.write_all(reply.as_bytes()).await.unwrap();
                    read_request(&mut socket).await;
                }
            });
        }
    });
    (url, seen)
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_costs_no_retry() {
    let (url, connections) = closing_server(false).await;
    let client = client(settings_for(url));
    for asked in 1..=4 {
        assert_eq!(client.complete(chat()).await.unwrap().text, "네");
        assert_eq!(*connections.borrow(), asked);
    }
}

#[tokio::test]
async fn a_new_connection_that_is_closed_is_a_failure() {
    let (url, connections) = closing_server(true).await;
    let client = client(settings_for(url));
    assert_eq!(client.complete(chat()).await, Err(Error::Broken));
    assert_eq!(*connections.borrow(), 1);
}
