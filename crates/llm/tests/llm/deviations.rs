//! Servers that each do it a little differently.

use super::*;
use llm::{Finish, Usage};
use openai::{Behaviour, Gate, Newline, canned};

const TEXTS: [&str; 3] = ["하늘은 ", "왜 파랄까요?\n\n- 빛 👩‍🔬\n", "- 공기"];

#[tokio::test]
async fn a_good_answer_comes_in_pieces_with_one_end() {
    let server = FakeOpenAi::start().await;
    let (texts, end) = read(client(settings(&server)).stream(chat()).await.unwrap()).await;
    assert_eq!(texts, canned::CHAT);
    let usage = Usage { prompt_tokens: 100, completion_tokens: 12, ..Usage::default() };
    assert_eq!(
        end,
        Ok(End { finish: Finish::Stop, model: "main-model".into(), asked_model: "main-model".into(), usage })
    );

    let call = &server.requests()[0];
    assert_eq!((call.path.as_str(), calls(&server)), ("/v1/chat/completions", 1));
    assert_eq!(call.body["stream"], true);
    assert_eq!(call.body["stream_options"], json!({ "include_usage": true }));
    assert_eq!(call.body["messages"][1], json!({ "role": "user", "content": "하늘은 왜 파래요?" }));
    assert!(!call.headers.contains_key("authorization"));
}

#[tokio::test]
async fn the_first_piece_does_not_wait_for_the_second() {
    let server = FakeOpenAi::start().await;
    server.queue(CHAT, Behaviour { gate: Gate::Every, ..Behaviour::text(TEXTS) });
    server.release(CHAT, 1);
    let mut answer = client(settings(&server)).stream(chat()).await.unwrap();
    for (nth, text) in TEXTS.iter().enumerate() {
        assert_eq!(answer.next().await, Some(Ok(Piece::Text((*text).into()))));
        assert_eq!(server.stats().chunks, nth + 1, "the rest is at the gate still");
        server.release(CHAT, 1);
    }
    assert!(matches!(answer.next().await, Some(Ok(Piece::End(_)))));
}

#[tokio::test]
async fn a_schema_brings_a_document() {
    let server = FakeOpenAi::start().await;
    let answer = client(settings(&server)).complete(tutor()).await.unwrap();
    let feedback: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(feedback["dims"][0]["evidence"], "하늘은");
    let format = &server.requests_for(Purpose::Tutor)[0].body["response_format"];
    assert_eq!(format["json_schema"]["strict"], true);
}

#[tokio::test]
async fn every_deviation_is_the_same_answer() {
    let plain = || Behaviour::text(TEXTS);
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    for (what, behaviour) in [
        ("CRLF", Behaviour { newline: Newline::Crlf, ..plain() }),
        ("lone CR", Behaviour { newline: Newline::Cr, ..plain() }),
        ("comments", Behaviour { comments: true, ..plain() }),
        ("no usage", Behaviour { usage: false, ..plain() }),
        ("no [DONE]", Behaviour { done: false, ..plain() }),
        ("no [DONE], no usage, lone CR", Behaviour { done: false, usage: false, newline: Newline::Cr, ..plain() }),
        ("no finish reason", Behaviour { finish: None, ..plain() }),
        ("another word", Behaviour { finish: Some("eos".into()), ..plain() }),
        ("plain JSON", Behaviour { plain: true, ..plain() }),
        ("reasoning in the text", Behaviour { think: Some("파란빛이…\n".into()), ..plain() }),
        ("another content type", plain().header("content-type", "application/json")),
    ] {
        server.queue(CHAT, behaviour);
        let answer = client.complete(chat()).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((answer.text, answer.end.finish), (TEXTS.concat(), Finish::Stop), "{what}");
        assert_eq!(answer.end.usage.estimated, what.contains("no usage"), "{what}");
    }
    assert_eq!(calls(&server), 11, "none was asked twice");
}

#[tokio::test]
async fn a_model_that_thinks_is_known_by_any_of_its_calls() {
    let delta = |delta: &str| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
    let counted = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":900,\
                   \"completion_tokens_details\":{\"reasoning_tokens\":880}}}\n\n";
    let done = "data: [DONE]\n\n";
    let text = delta(r#"{"content":"네"}"#);
    let server = FakeOpenAi::start().await;
    for (what, writes) in [
        ("a field", [delta(r#"{"reasoning_content":"음"}"#), text.clone(), done.into()]),
        ("a tag", [delta(r#"{"content":"<think>음</think>"}"#), text.clone(), done.into()]),
        ("the count", [text.clone(), counted.into(), done.into()]),
        ("nothing else", [delta(r#"{"reasoning":"음"}"#), "\n".into(), done.into()]),
    ] {
        let client = client(Settings { retries: 0, ..settings(&server) });
        server.queue(Purpose::Tutor, Behaviour::raw(writes));
        assert_eq!(client.complete(tutor()).await.is_ok(), what != "nothing else", "{what}");
        assert!(client.limits(None).thinks, "{what}");
        assert!(!client.limits(Some("other")).thinks, "{what}");
    }
    let client = client(Settings { retries: 0, ..settings(&server) });
    client.complete(tutor()).await.unwrap();
    assert!(!client.limits(None).thinks);
}

#[tokio::test]
async fn bytes_that_drip_one_by_one_are_the_same_answer() {
    let stream = "\u{FEFF}: hm\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"하늘👩‍🔬\"}}]}\r\n\r\n\
                  data: {\"choices\":[{\"finish_reason\":\"stop\"}]}\r\rdata: [DONE]";
    let server = FakeOpenAi::start().await;
    server.queue(CHAT, Behaviour { gap_ms: 0, ..Behaviour::raw(stream.bytes().map(|byte| [byte])) });
    assert_eq!(client(settings(&server)).complete(chat()).await.unwrap().text, "하늘👩‍🔬");
}

#[tokio::test]
async fn an_answer_tells_why_it_ended() {
    let server = FakeOpenAi::start().await;
    let client = client(settings(&server));
    for (word, finish) in
        [("length", Finish::Length), ("content_filter", Finish::ContentFilter), ("tool_calls", Finish::Other)]
    {
        server.queue(CHAT, Behaviour { finish: Some(word.into()), ..Behaviour::text(TEXTS) });
        assert_eq!(client.complete(chat()).await.unwrap().end.finish, finish);
    }
    server.queue(CHAT, Behaviour { refusal: true, ..Behaviour::text(["도울 수 없어요."]) });
    let refusal = client.complete(chat()).await.unwrap();
    assert_eq!((refusal.text.as_str(), refusal.end.finish), ("도울 수 없어요.", Finish::Refusal));
    server.queue(CHAT, Behaviour { finish: Some("content_filter".into()), ..Behaviour::text([]) });
    assert_eq!(client.complete(chat()).await, Err(Error::ContentFilter));
}

#[tokio::test]
async fn a_finished_answer_does_not_wait_for_a_server_that_never_closes() {
    let server = FakeOpenAi::start().await;
    let client = client(Settings { idle_timeout: Duration::from_millis(50), ..settings(&server) });
    let told = r#"data: {"choices":[{"delta":{"content":"네"},"finish_reason":"stop"}]}"#;
    for stream in [format!("{told}\n\n"), format!("{told}\n\ndata: [DONE]\n\n")] {
        server.queue(CHAT, Behaviour::raw([stream]).gate_at(1));
        assert_eq!(client.complete(chat()).await.unwrap().text, "네");
    }
    server.wait_for_disconnects(2).await;
}

#[tokio::test]
async fn a_base_address_may_end_in_a_slash_and_carry_a_query() {
    let server = FakeOpenAi::start().await;
    for base in ["/v1/", "/v1", "/openai/deployments/d?api-version=2"] {
        let settings = Settings { base_url: server.url() + base, ..settings(&server) };
        client(settings).complete(chat()).await.unwrap();
    }
    let paths: Vec<_> = server.requests().into_iter().map(|call| (call.path, call.query)).collect();
    let openai = ("/v1/chat/completions".to_owned(), String::new());
    let azure = ("/openai/deployments/d/chat/completions".to_owned(), "api-version=2".to_owned());
    assert_eq!(paths, [openai.clone(), openai, azure]);
}
