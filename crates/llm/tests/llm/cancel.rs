//! Hanging up.

use super::*;
use llm::{Price, RequestProgress};
use openai::Behaviour;

#[tokio::test]
async fn dropping_an_answer_hangs_up() {
    let server = FakeOpenAi::start().await;
    server.set(CHAT, Behaviour::default().gate_at(2));
    let mut answer = client(settings(&server)).stream(chat()).await.unwrap();
    assert!(answer.next().await.unwrap().is_ok());
    server.wait_for_waiting(1).await;
    assert_eq!(server.stats().disconnects, 0);
    drop(answer);
    server.wait_for_disconnects(1).await;
    assert_eq!((server.stats().active, server.stats().finished), (0, 0));
}

#[tokio::test]
async fn dropping_a_call_before_its_first_token_hangs_up() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    for gate in [0, 1] {
        server.reset();
        // Gate 0 holds the reply's head back, gate 1 leaves it at a reply without text.
        let head = Behaviour { gap_ms: 0, ..Behaviour::raw([": hm\n\n", "data: [DONE]\n\n"]) };
        server.queue(CHAT, head.gate_at(gate));
        tokio::select! {
            _ = client.stream(chat()) => panic!("nothing was said yet"),
            () = server.wait_for_waiting(1) => {}
        }
        server.wait_for_disconnects(1).await;
    }
}

#[tokio::test]
async fn a_request_is_outstanding_from_its_writing_to_its_refusal_or_its_end() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    let progress = RequestProgress::default();
    let call = || client.stream_with_progress(chat(), progress.clone());
    let answer = call().await.unwrap();
    assert!(progress.is_outstanding(), "an answer that has begun");
    assert!(read(answer).await.1.is_ok());
    assert!(!progress.is_outstanding(), "a whole answer");

    server.queue(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::text(["하나", "둘"]) });
    assert!(read(call().await.unwrap()).await.1.is_err());
    assert!(progress.is_outstanding(), "a broken answer");

    server.queue(CHAT, Behaviour::error(401, "invalid_api_key", "no"));
    assert!(call().await.is_err());
    assert!(!progress.is_outstanding(), "a refusal");

    server.queue(CHAT, Behaviour::default().gate_at(0));
    tokio::select! {
        _ = call() => panic!("nothing was said yet"),
        () = server.wait_for_waiting(1) => {}
    }
    assert!(progress.is_outstanding(), "a cancelled call");
}

#[tokio::test]
async fn a_call_that_is_cancelled_between_two_attempts_costs_nothing() {
    let server = FakeOpenAi::start().await;
    server.set(CHAT, Behaviour::status(503, ""));
    let price = Price { input: 1.0, cached: 1.0, output: 1.0 };
    let prices = vec![("main-model".to_owned(), price)];
    let client = client(Settings { retries: 1, retry_delay: Duration::from_secs(60), prices, ..settings(&server) });
    let progress = RequestProgress::default();
    let refused = async {
        while !progress.written.is_cancelled() || progress.is_outstanding() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = client.stream_with_progress(chat(), progress.clone()) => panic!("the pause is long"),
        () = refused => {}
    }
    assert_eq!(client.spending(), [("main-model".to_owned(), 0.0)]);
}

#[tokio::test]
async fn answers_read_to_the_end_share_a_connection() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    for _ in 0..20 {
        let (_, end) = read(client.stream(chat()).await.unwrap()).await;
        assert!(end.is_ok());
    }
    let connections: std::collections::HashSet<u16> = server.requests().iter().map(|call| call.connection).collect();
    // On a busy machine the end of a body may come too late to be waited for, now and then.
    assert!(connections.len() < 20, "{connections:?}");
}
