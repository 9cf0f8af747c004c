//! The circuit breaker seen from outside. Its clockwork has tests of its own.

use super::*;
use llm::{BreakerChange, BreakerState, OpenCause, TimeoutPhase};
use openai::Behaviour;

fn hasty(server: &FakeOpenAi, cooldown: Duration) -> Client {
    let settings = settings(server);
    client(Settings { breaker_failures: 2, breaker_cooldown: cooldown, retries: 0, ..settings })
}

const LONG: Duration = Duration::from_secs(600);

#[tokio::test]
async fn a_server_that_fails_twice_is_left_alone() {
    let server = FakeOpenAi::start().await;
    let client = hasty(&server, LONG);
    server.set(CHAT, Behaviour::status(500, ""));
    for _ in 0..2 {
        assert_eq!(client.breaker_state(), BreakerState::Closed);
        assert_eq!(client.complete(chat()).await, Err(Error::Server { status: 500 }));
    }
    assert!(matches!(client.breaker_state(), BreakerState::Open { retry_in } if retry_in <= LONG));
    assert!(matches!(client.clone().complete(chat()).await, Err(Error::BreakerOpen { .. })));
    assert_eq!(calls(&server), 2);
}

#[tokio::test]
async fn a_server_that_declines_is_not_ill() {
    let server = FakeOpenAi::start().await;
    let client = hasty(&server, LONG);
    for status in [400, 401, 403, 404, 422, 429, 302] {
        server.set(CHAT, Behaviour::status(status, ""));
        client.complete(chat()).await.unwrap_err();
        assert_eq!(client.breaker_state(), BreakerState::Closed, "{status}");
    }
}

#[tokio::test]
async fn an_answer_between_failures_starts_the_count_anew() {
    let server = FakeOpenAi::start().await;
    let client = hasty(&server, LONG);
    for _ in 0..3 {
        server.queue(CHAT, Behaviour::status(500, ""));
        client.complete(chat()).await.unwrap_err();
        client.complete(chat()).await.unwrap();
    }
    assert_eq!(client.breaker_state(), BreakerState::Closed);
}

#[tokio::test]
async fn answers_that_always_break_off_open_it_too() {
    let server = FakeOpenAi::start().await;
    let client = hasty(&server, LONG);
    server.set(CHAT, Behaviour { cut_after: Some(1), ..Behaviour::default() });
    for _ in 0..2 {
        assert_eq!(client.complete(chat()).await, Err(Error::Broken));
    }
    assert!(matches!(client.breaker_state(), BreakerState::Open { .. }));
}

#[tokio::test]
async fn a_fallback_that_answers_keeps_it_closed() {
    let server = FakeOpenAi::start().await;
    let client =
        client(Settings { breaker_failures: 2, retries: 0, fallbacks: vec!["second".into()], ..settings(&server) });
    for _ in 0..4 {
        server.queue(CHAT, Behaviour::status(503, ""));
        client.complete(chat()).await.unwrap();
    }
    assert_eq!(client.breaker_state(), BreakerState::Closed);
}

#[tokio::test]
async fn after_the_cooldown_one_probe_decides_and_a_dropped_one_does_not() {
    let server = FakeOpenAi::start().await;
    let client = hasty(&server, Duration::ZERO);
    server.set(CHAT, Behaviour::status(500, ""));
    for _ in 0..2 {
        client.complete(chat()).await.unwrap_err();
    }
    assert_eq!(client.breaker_state(), BreakerState::HalfOpen);

    server.set(CHAT, Behaviour::default().gate_at(0));
    let probe = tokio::spawn({
        let client = client.clone();
        async move { client.complete(chat()).await }
    });
    server.wait_for_waiting(1).await;
    assert!(matches!(client.complete(chat()).await, Err(Error::BreakerOpen { .. })), "a second probe");
    probe.abort();
    server.wait_for_disconnects(1).await;
    assert!(probe.await.unwrap_err().is_cancelled());
    assert_eq!(client.breaker_state(), BreakerState::HalfOpen);

    server.set(CHAT, Behaviour::default().gate_at(1));
    let mut answer = client.stream(chat()).await.unwrap();
    assert_eq!(client.breaker_state(), BreakerState::Closed, "the first token is enough");
    server.release_all(CHAT);
    while let Some(piece) = answer.next().await {
        piece.unwrap();
    }
    client.complete(chat()).await.unwrap();
}

#[tokio::test]
async fn a_server_that_takes_requests_and_is_slow_is_not_ill() {
    let server = FakeOpenAi::start().await;
    let short = Duration::from_millis(60);
    for (limits, phase) in [
        (Settings { first_token_timeout: short, ..settings(&server) }, TimeoutPhase::FirstToken),
        (Settings { total_timeout: short, ..settings(&server) }, TimeoutPhase::Total),
    ] {
        let client = client(Settings { breaker_failures: 2, ..limits });
        server.set(CHAT, Behaviour::default().gate_at(0));
        for _ in 0..6 {
            assert_eq!(client.complete(chat()).await, Err(Error::Timeout(phase)));
        }
        assert_eq!(client.breaker_state(), BreakerState::Closed);
    }
    let client = client(Settings { breaker_failures: 2, idle_timeout: short, ..settings(&server) });
    server.set(CHAT, Behaviour::text(["하나", "둘"]).gate_at(1));
    for _ in 0..6 {
        assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::Idle)));
    }
    assert_eq!(client.breaker_state(), BreakerState::Closed);
}

#[tokio::test]
async fn an_open_breaker_says_what_the_last_call_found() {
    let server = FakeOpenAi::start().await;
    let settings = Settings { breaker_failures: 1, breaker_cooldown: LONG, retries: 0, ..settings(&server) };
    let client = client(Settings { first_token_timeout: Duration::from_millis(60), ..settings });
    let cause = async || match client.complete(chat()).await {
        Err(Error::BreakerOpen { cause, .. }) => cause,
        outcome => panic!("no open breaker: {outcome:?}"),
    };
    let end_cooldown = || client.apply_breaker_change(BreakerChange::Opened(Duration::ZERO));

    server.queue(CHAT, Behaviour::status(500, ""));
    assert_eq!(client.complete(chat()).await, Err(Error::Server { status: 500 }));
    assert_eq!(cause().await, OpenCause::Failing);

    end_cooldown();
    server.set(CHAT, Behaviour::default().gate_at(0));
    assert_eq!(client.complete(chat()).await, Err(Error::Timeout(TimeoutPhase::FirstToken)));
    assert_eq!(cause().await, OpenCause::Busy);

    end_cooldown();
    drop(server);
    assert_eq!(client.complete(chat()).await, Err(Error::Connect));
    assert_eq!(cause().await, OpenCause::Unreachable);
}
