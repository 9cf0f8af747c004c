//! Replies that nobody follows.

use super::*;
use llm::TimeoutPhase;
use openai::{Behaviour, Gate};

fn whole() -> Request {
    Request { is_whole: true, ..tutor() }
}

/// For each call whether it asked for a stream.
fn streams(server: &FakeOpenAi) -> Vec<bool> {
    server.requests().iter().map(|call| call.body["stream"] == true).collect()
}

#[tokio::test]
async fn a_model_that_was_quick_is_asked_for_whole_replies() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    let streamed = client.complete(whole()).await.unwrap();
    let at_once = client.complete(whole()).await.unwrap();
    client.complete(tutor()).await.unwrap();
    assert_eq!(streams(&server), [true, false, true], "only what nobody follows");
    assert_eq!(at_once.text, streamed.text);
    assert_eq!(at_once.end.usage, streamed.end.usage);
    // The other model isn't known yet.
    client.complete(Request { model: Some("other".into()), ..whole() }).await.unwrap();
    assert_eq!(streams(&server)[3..], [true]);
}

#[tokio::test]
async fn a_server_that_only_streams_is_asked_without_a_stream_once() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    client.complete(whole()).await.unwrap();
    server.queue(Purpose::Tutor, Behaviour::error(400, "invalid_request_error", "stream must be set to true"));
    client.complete(whole()).await.unwrap();
    client.complete(whole()).await.unwrap();
    assert_eq!(streams(&server), [true, false, true, true]);
    let formats = server.requests_for(Purpose::Tutor);
    assert!(formats.iter().all(|call| call.body["response_format"]["type"] == "json_schema"), "nothing else is blamed");
}

#[tokio::test]
async fn a_model_that_became_slow_is_followed_again() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, first_token_timeout: Duration::from_secs(1), ..settings(&server) });
    client.complete(whole()).await.unwrap();
    // The first piece comes at once, the others only when the test says so.
    server.set(Purpose::Tutor, Behaviour { gate: Gate::At(vec![1]), ..Behaviour::default() });
    let late = Error::Timeout(TimeoutPhase::FirstToken);
    assert_eq!(client.complete(whole()).await.unwrap_err(), late);
    let stream = client.stream(whole()).await.unwrap();
    server.release(Purpose::Tutor, 1);
    stream.collect().await.unwrap();
    assert_eq!(streams(&server), [true, false, true]);
}
