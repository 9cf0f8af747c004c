//! Servers that refuse parameters.

use super::*;
use openai::Behaviour;

fn refusing(names: &[&str]) -> Behaviour {
    Behaviour { reject: names.iter().map(|name| (*name).to_owned()).collect(), ..Behaviour::default() }
}

#[tokio::test]
async fn what_a_server_refuses_costs_one_more_call_once() {
    let server = FakeOpenAi::start().await;
    for (refused, instead) in
        [("max_tokens", Some("max_completion_tokens")), ("temperature", None), ("stream_options", None)]
    {
        server.reset();
        server.set(CHAT, refusing(&[refused]));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..3 {
            client.complete(chat()).await.unwrap();
        }
        let bodies: Vec<_> = server.requests().into_iter().map(|call| call.body).collect();
        let carries: Vec<bool> = bodies.iter().map(|body| body.get(refused).is_some()).collect();
        assert_eq!(carries, [true, false, false, false], "{refused}");
        if let Some(instead) = instead {
            assert_eq!(bodies[3][instead], 1000);
        }
    }
}

#[tokio::test]
async fn a_schema_steps_down_to_any_json_and_then_to_the_prompt_alone() {
    let server = FakeOpenAi::start().await;
    for (refused, kinds) in [
        ("json_schema", vec![Some("json_schema"), Some("json_object"), Some("json_object")]),
        ("response_format", vec![Some("json_schema"), Some("json_object"), None, None]),
    ] {
        server.reset();
        server.set(Purpose::Tutor, refusing(&[refused]));
        let client = client(Settings { retries: 0, ..settings(&server) });
        for _ in 0..2 {
            assert!(client.complete(tutor()).await.unwrap().text.contains("하늘은"));
        }
        let bodies = server.requests_for(Purpose::Tutor);
        let sent: Vec<_> = bodies.iter().map(|call| call.body["response_format"]["type"].as_str()).collect();
        assert_eq!(sent, kinds, "{refused}");
    }
}

#[tokio::test]
async fn each_model_is_learnt_by_itself() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    server.queue(CHAT, refusing(&["temperature"]));
    server.queue(CHAT, refusing(&["temperature"]));
    client.complete(chat()).await.unwrap();
    client.complete(Request { model: Some("other".into()), ..chat() }).await.unwrap();
    client.complete(chat()).await.unwrap();
    let sent: Vec<_> = server.requests().iter().map(|call| call.body["temperature"].as_f64()).collect();
    assert_eq!(sent, [Some(0.7), None, Some(0.7), None]);
}

#[tokio::test]
async fn nothing_is_learnt_from_a_server_that_refuses_anyway() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    server.queue(CHAT, Behaviour::error(400, "", "temperature is unsupported"));
    server.queue(CHAT, Behaviour::error(400, "", "the sky is unsupported"));
    assert!(matches!(client.complete(chat()).await, Err(Error::BadRequest { .. })));
    client.complete(chat()).await.unwrap();
    assert_eq!(server.requests()[2].body["temperature"], 0.7);
    assert_eq!(calls(&server), 3);
}

#[tokio::test]
async fn everything_at_once_is_learnt_too() {
    let server = FakeOpenAi::start().await;
    let all = ["response_format", "stream_options", "max_tokens", "temperature"];
    server.set(Purpose::Tutor, refusing(&all));
    let client = client(settings(&server));
    client.complete(tutor()).await.unwrap();
    assert_eq!(calls(&server), 6);
    client.complete(tutor()).await.unwrap();
    assert_eq!(calls(&server), 7);
}
