//! Retries and fallback models.

use super::*;
use openai::Behaviour;

const OK: [&str; 1] = ["네."];

fn event(event: serde_json::Value, after: usize) -> Behaviour {
    Behaviour { error_after: Some(openai::Error { after, event }), ..Behaviour::text(["하나", "둘"]) }
}

#[tokio::test]
async fn passing_failures_before_the_first_token_are_tried_again() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    for failure in [
        Behaviour::status(500, "oops"),
        Behaviour::status(502, "<html>Bad Gateway</html>"),
        Behaviour::status(503, ""),
        Behaviour::status(504, ""),
        Behaviour::status(529, ""),
        Behaviour::error(429, "rate_limit_exceeded", "slow down"),
        Behaviour { cut_after: Some(0), ..Behaviour::default() },
        Behaviour::text([]),
        Behaviour::raw(["data: nonsense\n\n"]),
        Behaviour::status(200, ""),
        event(json!({ "error": { "message": "overloaded", "type": "overloaded_error" } }), 0),
    ] {
        server.reset();
        let what = format!("{failure:?}");
        server.queue(CHAT, failure.clone());
        server.queue(CHAT, failure);
        server.queue(CHAT, Behaviour::text(OK));
        assert_eq!(client.complete(chat()).await.unwrap().text, "네.", "{what}");
        assert_eq!(calls(&server), 3, "{what}");
    }
}

#[tokio::test]
async fn retries_are_counted() {
    let server = FakeOpenAi::start().await;
    server.set(CHAT, Behaviour::status(503, ""));
    for retries in [0, 1, 3] {
        server.reset();
        server.set(CHAT, Behaviour::status(503, ""));
        let client = client(Settings { retries, ..settings(&server) });
        assert_eq!(client.complete(chat()).await, Err(Error::Server { status: 503 }));
        assert_eq!(calls(&server), 1 + retries as usize);
    }
}

#[tokio::test]
async fn failures_that_would_come_again_are_not_tried_again() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    let bad = |status, detail: &str| Error::BadRequest { status, detail: detail.into() };
    for (failure, error) in [
        (Behaviour::error(401, "invalid_api_key", "no"), Error::Unauthorized),
        (Behaviour::error(403, "", "no"), Error::Unauthorized),
        (Behaviour::error(404, "model_not_found", "no"), Error::ModelMissing),
        (Behaviour::error(429, "insufficient_quota", "pay"), Error::Quota),
        (
            Behaviour::error(400, "context_length_exceeded", "too long"),
            Error::ContextFull { window: None, model: "main-model".into() },
        ),
        (Behaviour::error(400, "content_filter", "no"), Error::ContentFilter),
        (Behaviour::status(422, r#"{"detail":"no"}"#), bad(422, "no")),
        (Behaviour::status(501, ""), Error::Server { status: 501 }),
        (event(json!({ "error": { "code": "insufficient_quota", "message": "pay" } }), 0), Error::Quota),
    ] {
        server.reset();
        server.set(CHAT, failure);
        assert_eq!(client.complete(chat()).await, Err(error.clone()));
        assert_eq!(calls(&server), 1, "{error}");
    }
}

#[tokio::test]
async fn a_pause_the_server_asks_for_is_kept() {
    let server = FakeOpenAi::start().await;
    server.queue(CHAT, Behaviour::status(429, "").header("retry-after-ms", "300"));
    server.queue(CHAT, Behaviour::status(503, "").header("retry-after", "0.3"));
    client(settings(&server)).complete(chat()).await.unwrap();
    let at: Vec<u64> = server.requests().iter().map(|call| call.at_us).collect();
    assert_eq!(at.len(), 3);
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] >= 300_000), "{at:?}");
}

#[tokio::test]
async fn a_pause_too_long_ends_the_call_with_the_pause() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    server.set(CHAT, Behaviour::status(429, "").header("retry-after", "11"));
    let retry_after = Some(Duration::from_secs(11));
    assert_eq!(client.complete(chat()).await, Err(Error::RateLimited { retry_after }));
    server.set(CHAT, Behaviour::status(503, "").header("retry-after", "Fri, 31 Dec 2900 23:59:59 GMT"));
    assert_eq!(client.complete(chat()).await, Err(Error::Server { status: 503 }));
    assert_eq!(calls(&server), 2);
}

#[tokio::test]
async fn nothing_is_tried_again_after_the_first_token() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { fallbacks: vec!["second".into()], ..settings(&server) });
    let limited = json!({ "error": { "code": 429, "message": "slow down" } });
    for (failure, error) in [
        (Behaviour { cut_after: Some(2), ..Behaviour::text(["하나", "둘", "셋"]) }, Error::Broken),
        (Behaviour { done: false, finish: None, ..Behaviour::text(["하나", "둘"]) }, Error::Broken),
        (event(limited, 2), Error::RateLimited { retry_after: None }),
        (event(json!({ "error": "CUDA out of memory" }), 2), Error::Broken),
        (event(json!({ "object": "error", "message": "no", "code": 500 }), 2), Error::Server { status: 500 }),
    ] {
        server.reset();
        server.queue(CHAT, failure);
        let (texts, end) = read(client.stream(chat()).await.unwrap()).await;
        assert_eq!((texts.concat().as_str(), end), ("하나둘", Err(error)));
        assert_eq!(calls(&server), 1);
    }
}

#[tokio::test]
async fn a_call_waits_out_a_server_that_restarts() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 500, retry_delay: Duration::from_millis(20), ..settings(&server) });
    client.complete(chat()).await.unwrap();
    let port = server.port();
    drop(server);
    let (answer, server) = tokio::join!(client.complete(chat()), FakeOpenAi::start_on(port));
    assert!(answer.is_ok());
    assert_eq!(calls(&server), 1);
}

#[tokio::test]
async fn fallback_models_are_asked_in_order_and_once_each() {
    let server = FakeOpenAi::start().await;
    let fallbacks = ["second", "main-model", "third"].map(str::to_owned).to_vec();
    let client = client(Settings { fallbacks, retries: 1, ..settings(&server) });
    for failure in
        [Behaviour::status(503, ""), Behaviour::status(429, "").header("retry-after", "0"), Behaviour::text([])]
    {
        server.reset();
        (0..3).for_each(|_| server.queue(CHAT, failure.clone()));
        assert_eq!(client.complete(chat()).await.unwrap().end.model, "third");
        assert_eq!(models(&server), ["main-model", "main-model", "second", "third"]);
    }
    server.reset();
    server.queue(CHAT, Behaviour::error(404, "model_not_found", "no"));
    assert_eq!(client.complete(chat()).await.unwrap().end.model, "second");
    assert_eq!(models(&server), ["main-model", "second"]);
}

#[tokio::test]
async fn when_every_model_fails_the_first_ones_error_is_told() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { fallbacks: vec!["second".into()], retries: 0, ..settings(&server) });
    server.queue(CHAT, Behaviour::status(429, "").header("retry-after", "30"));
    server.queue(CHAT, Behaviour::status(404, ""));
    let retry_after = Some(Duration::from_secs(30));
    assert_eq!(client.complete(chat()).await, Err(Error::RateLimited { retry_after }));
    assert_eq!(models(&server), ["main-model", "second"]);
}

#[tokio::test]
async fn a_fallback_that_refuses_the_request_as_too_large_is_named_in_the_error() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { fallbacks: vec!["second".into()], retries: 0, ..settings(&server) });
    server.queue(CHAT, Behaviour::status(503, ""));
    server.queue(CHAT, Behaviour::error(400, "context_length_exceeded", "maximum context length is 4096 tokens"));
    let too_large = Error::ContextFull { window: Some(4096), model: "second".into() };
    assert_eq!(client.complete(chat()).await, Err(too_large));
    server.queue(CHAT, Behaviour::status(503, ""));
    assert_eq!(client.complete(chat()).await.unwrap().end.asked_model, "second");
}

#[tokio::test]
async fn no_fallback_is_asked_what_no_model_could_do() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { fallbacks: vec!["second".into()], ..settings(&server) });
    for status in [400, 401, 402] {
        server.reset();
        server.set(CHAT, Behaviour::status(status, ""));
        client.complete(chat()).await.unwrap_err();
        assert_eq!(models(&server), ["main-model"]);
    }
}

#[tokio::test]
async fn a_request_may_name_its_model() {
    let server = FakeOpenAi::start().await;
    let request = Request { model: Some("other".into()), ..chat() };
    let answer = client(settings(&server)).complete(request).await.unwrap();
    assert_eq!((answer.end.model.as_str(), models(&server)), ("other", vec!["other".to_owned()]));
}
