//! Hanging up.

use super::*;
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
async fn answers_read_to_the_end_share_a_connection() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    for _ in 0..20 {
        let (_, end) = read(client.stream(chat()).await.unwrap()).await;
        assert!(end.is_ok());
    }
    let connections: std::collections::HashSet<u16> = server.requests().iter().map(|call| call.connection).collect();
    // On a busy machine the end of a body may come too timed_out to be waited for, now and then.
    assert!(connections.len() < 20, "{connections:?}");
}
