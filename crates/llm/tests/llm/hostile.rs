//! Replies that mean harm, or are made by something else than a model server.

use super::*;
use openai::Behaviour;

async fn reply(behaviour: Behaviour) -> Result<String, Error> {
    let server = FakeOpenAi::start().await;
    server.set(CHAT, behaviour);
    let client = client(Settings { retries: 0, ..settings(&server) });
    client.complete(chat()).await.map(|answer| answer.text)
}

fn said(text: &str) -> String {
    format!("data: {}\n\n", json!({ "choices": [{ "delta": { "content": text } }] }))
}

#[tokio::test]
async fn a_line_without_an_end_is_broken() {
    let endless = Behaviour { gap_ms: 0, ..Behaviour::raw(vec![vec![b'x'; 16 * 1024]; 80]) };
    assert_eq!(reply(endless.gate_at(80)).await, Err(Error::Broken));
    let document = Behaviour { gap_ms: 0, ..Behaviour::raw(vec![vec![b'['; 16 * 1024]; 80]) };
    assert_eq!(reply(document.gate_at(80)).await, Err(Error::Broken));
}

#[tokio::test]
async fn an_answer_without_an_end_is_broken() {
    let endless = Behaviour { gap_ms: 0, ..Behaviour::raw(vec![said(&"하".repeat(5000)); 40]) };
    assert_eq!(reply(endless.gate_at(40)).await, Err(Error::Broken));
}

#[tokio::test]
async fn bytes_that_are_not_utf8_spoil_nothing_beside_them() {
    let raw: [&[u8]; 3] =
        [said("네").as_bytes().to_vec().leak(), b"data: {\"x\":\"\xFF\xFE\"}\n\n", b"data: [DONE]\n\n"];
    assert_eq!(reply(Behaviour::raw(raw)).await, Ok("네".to_owned()));
    let halves: [&[u8]; 3] = [
        b"data: {\"choices\":[{\"delta\":{\"content\":\"\xED\x95\"}}]}\n\n",
        b"data: {\"choices\":[{\"delta\":{\"content\":\"\x9C\xED\"}}]}\n\n",
        b"data: [DONE]\n\n",
    ];
    assert_eq!(reply(Behaviour::raw(halves)).await, Ok("한\u{FFFD}".to_owned()));
    assert_eq!(reply(Behaviour::raw([b"\xFF\xFE\x00".repeat(100)])).await, Err(Error::Broken));
}

#[tokio::test]
async fn json_nested_without_measure_is_broken() {
    for open in ["[", "{\"choices\":", "{\"error\":[", "{\"x\":"] {
        let deep = open.repeat(100_000);
        assert_eq!(reply(Behaviour::raw([format!("data: {deep}\n\n")])).await, Err(Error::Broken));
        assert_eq!(reply(Behaviour::raw([deep.clone()])).await, Err(Error::Broken));
        assert!(matches!(reply(Behaviour::status(400, deep)).await, Err(Error::BadRequest { .. })));
    }
}

#[tokio::test]
async fn a_page_in_place_of_an_answer_is_broken() {
    let page = "<!doctype html><title>Login</title><p>data: [DONE]";
    assert_eq!(reply(Behaviour::status(200, page).header("content-type", "text/html")).await, Err(Error::Broken));
    assert_eq!(reply(Behaviour::raw([page]).gate_at(1)).await, Err(Error::Broken), "even if it never ends");
}

#[tokio::test]
async fn a_second_byte_order_mark_does_no_harm() {
    let stream = format!("\u{FEFF}\u{FEFF}{}data: [DONE]\n\n", said("네"));
    assert_eq!(reply(Behaviour::raw([stream])).await, Ok("네".to_owned()));
}

#[tokio::test]
async fn a_flood_of_blank_lines_before_an_answer_does_no_harm() {
    let flood = ["\n".repeat(2 * 1024 * 1024), ":\n\n".repeat(400_000), said("네"), "data: [DONE]\n\n".into()];
    assert_eq!(reply(Behaviour { gap_ms: 0, ..Behaviour::raw(flood) }).await, Ok("네".to_owned()));
}

#[tokio::test]
async fn a_refusal_of_any_size_is_told_in_a_line() {
    let Err(Error::BadRequest { detail, .. }) = reply(Behaviour::status(400, "가\r\n".repeat(1_000_000))).await else {
        panic!("it was refused")
    };
    assert_eq!(detail.chars().count(), 300);
    assert!(!detail.contains(char::is_control));
}
