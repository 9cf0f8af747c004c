//! The fake model server itself: what browser tests ask of it over HTTP.

use super::*;
use serde_json::Value;

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn post(server: &FakeOpenAi, path: &str, body: Value) {
    let reply = http().post(server.url() + path).json(&body).send().await.unwrap();
    assert_eq!(reply.status(), 204, "{path}");
}

async fn get(server: &FakeOpenAi, path: &str) -> Value {
    http().get(server.url() + path).send().await.unwrap().json().await.unwrap()
}

#[tokio::test]
async fn it_is_scripted_released_and_questioned_over_http() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { retries: 0, ..settings(&server) });
    let script = json!({
        "reset": true,
        "default": { "tutor": { "status": 503 } },
        "queue": { "chat": [{ "chunks": ["하나", "둘"], "gate": { "at": [1] } }, { "gate": "every" }] },
    });
    post(&server, "/control", script).await;
    assert_eq!(client.complete(tutor()).await, Err(Error::Server { status: 503 }));
    let mut answer = client.stream(chat()).await.unwrap();
    assert_eq!(answer.next().await, Some(Ok(Piece::Text("하나".into()))));
    server.wait_for_waiting(1).await;
    assert_eq!(get(&server, "/control/stats").await["waiting"], 1);
    post(&server, "/control/release", json!({ "purpose": "chat", "count": 1 })).await;
    assert_eq!(answer.collect().await.unwrap().text, "둘");
    post(&server, "/control/release", json!({})).await;
    assert_eq!(client.complete(chat()).await.unwrap().text, openai::canned::CHAT.concat());

    let stats = get(&server, "/control/stats").await;
    assert_eq!(stats["by_purpose"], json!({ "chat": 2, "tutor": 1 }));
    let requests = get(&server, "/control/requests").await;
    assert_eq!(requests[0]["purpose"], "tutor");
    assert_eq!(requests[1]["body"]["messages"][1]["content"], "하늘은 왜 파래요?");
    post(&server, "/control/reset", Value::Null).await;
    assert_eq!(get(&server, "/control/requests").await, json!([]));
}

#[tokio::test]
async fn it_knows_what_a_call_is_for_even_without_a_schema() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    let guide =
        || Request { messages: vec![message(Role::User, r#"{"topic":"과학 탐구"}"#)], schema: None, ..chat() };
    let guide_by_schema = Request { schema: Some(Schema { name: "topic_guide", schema: json!({}) }), ..guide() };
    for request in [chat(), tutor(), Request { schema: None, ..tutor() }, guide(), guide_by_schema] {
        client.complete(request).await.unwrap();
    }
    let purposes: Vec<Purpose> = server.requests().iter().map(|call| call.purpose).collect();
    assert_eq!(purposes, [CHAT, Purpose::Tutor, Purpose::Tutor, Purpose::Guide, Purpose::Guide]);
}
