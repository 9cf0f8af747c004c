//! A class that presses Send together.

use super::*;
use openai::Behaviour;
use std::collections::BTreeSet;

#[tokio::test]
async fn sixty_four_answers_stream_side_by_side_and_never_mix() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    let texts: BTreeSet<String> = (0..64).map(|nth| format!("{nth}번 ").repeat(50)).collect();
    for text in &texts {
        let chunks = text.split_inclusive(' ').map(str::to_owned).collect();
        server.queue(CHAT, Behaviour { chunks: Some(chunks), gap_ms: 0, ..Behaviour::default() }.gate_at(1));
    }
    let answers = futures_util::future::join_all((0..64).map(|_| client.stream(chat()))).await;
    assert_eq!(server.stats().max_active, 64);
    server.release_all(CHAT);
    let read = futures_util::future::join_all(answers.into_iter().map(|answer| answer.unwrap().collect())).await;
    let read: BTreeSet<String> = read.into_iter().map(|answer| answer.unwrap().text).collect();
    assert_eq!(read, texts);
    assert_eq!(calls(&server), 64);
}
