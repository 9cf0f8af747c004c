//! Connections that a server closes while they are kept alive.

use super::*;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const REPLY: &str =
    "data: {\"choices\":[{\"delta\":{\"content\":\"네.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";

/// What a connection does with one request after another, and then closes.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// Answers, and keeps the connection.
    Answers,
    /// Reads the request and hangs up.
    HangsUp,
}

async fn reads_request(stream: &mut BufStream<TcpStream>) -> bool {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return false;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    stream.read_exact(&mut vec![0; length]).await.is_ok()
}

/// A server whose connections do this, the first one first. Tells what each request met.
async fn server(connections: Vec<Vec<Does>>) -> (String, mpsc::UnboundedReceiver<(usize, bool)>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for (number, script) in connections.into_iter().enumerate() {
            let mut stream = BufStream::new(listener.accept().await.unwrap().0);
            for does in script {
                if !reads_request(&mut stream).await {
                    break;
                }
                tell.send((number, does == Does::Answers)).unwrap();
                if does == Does::HangsUp {
                    break;
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ";
                let reply = format!("{head}{}\r\n\r\n{REPLY}", REPLY.len());
                stream.write_all(reply.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
        // The listener stays, so that nothing is refused.
        std::future::pending::<()>().await;
    });
    (url, told)
}

fn once(base_url: String) -> Client {
    client(Settings { retries: 0, ..Settings::new(base_url, "m") })
}

#[tokio::test]
async fn a_kept_alive_connection_that_died_is_replaced_at_once_and_without_a_retry() {
    use Does::{Answers, HangsUp};
    let (url, mut told) = server(vec![vec![Answers, HangsUp], vec![Answers, Answers, HangsUp], vec![Answers]]).await;
    let client = once(url);
    for _ in 0..4 {
        assert_eq!(client.complete(chat()).await.map(|answer| answer.text), Ok("네.".to_owned()));
    }
    let mut met = Vec::new();
    while let Ok(request) = told.try_recv() {
        met.push(request);
    }
    assert_eq!(met, [(0, true), (0, false), (1, true), (1, true), (1, false), (2, true)]);
}

#[tokio::test]
async fn a_new_connection_that_breaks_is_a_failure_since_the_request_may_have_been_worked_on() {
    let (url, mut told) = server(vec![vec![Does::HangsUp], vec![Does::Answers]]).await;
    assert_eq!(once(url).complete(chat()).await, Err(Error::Broken));
    assert_eq!(told.try_recv(), Ok((0, false)));
    assert!(told.try_recv().is_err(), "sent once");
}

#[tokio::test]
async fn a_request_is_sent_again_at_most_twice_when_every_kept_connection_is_closed() {
    const CONNECTIONS: usize = 6;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (tell, mut told) = mpsc::unbounded_channel();
    let all_open = std::sync::Arc::new(tokio::sync::Barrier::new(CONNECTIONS));
    tokio::spawn(async move {
        loop {
            let mut stream = BufStream::new(listener.accept().await.unwrap().0);
            let (tell, all_open) = (tell.clone(), all_open.clone());
            tokio::spawn(async move {
                reads_request(&mut stream).await;
                all_open.wait().await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: ";
                let reply = format!("{head}{}\r\n\r\n{REPLY}", REPLY.len());
                stream.write_all(reply.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                if reads_request(&mut stream).await {
                    tell.send(()).unwrap();
                }
            });
        }
    });
    let client = once(url);
    let calls = (0..CONNECTIONS).map(|_| client.complete(chat()));
    assert!(futures_util::future::join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(client.complete(chat()).await, Err(Error::Broken));
    let mut sent = 0;
    while told.try_recv().is_ok() {
        sent += 1;
    }
    assert_eq!(sent, 3);
}
