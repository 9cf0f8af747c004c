//! The model client against a model server over real sockets.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by what it unwraps")]

#[path = "../../../../tests/support/openai.rs"]
mod openai;

mod address;
mod breaker;
mod cancel;
mod connections;
mod control;
mod deviations;
mod failures;
mod hostile;
mod limits;
mod observed;
mod parallel;
mod quirks;
mod secrecy;
mod whole;

use futures_util::StreamExt;
use llm::{AnswerStream, Client, Deviation, End, Error, Message, Piece, Request, Role, Schema, Settings};
use openai::{FakeOpenAi, Purpose};
use serde_json::json;
use std::time::Duration;

/// Settings for the fake that are patient about answers and hasty about retries.
fn settings(server: &FakeOpenAi) -> Settings {
    Settings { retry_delay: Duration::from_millis(1), ..Settings::new(server.base_url(), "main-model") }
}

fn client(settings: Settings) -> Client {
    Client::new(settings).expect("the settings are good")
}

fn message(role: Role, content: &str) -> Message {
    Message { role, content: content.to_owned() }
}

/// A request as the chat makes them.
fn chat() -> Request {
    Request {
        messages: vec![message(Role::System, "너는 도우미야."), message(Role::User, "하늘은 왜 파래요?")],
        max_tokens: 1000,
        temperature: 0.7,
        schema: None,
        model: None,
        is_whole: false,
        purpose: "chat",
    }
}

/// A request as the tutor makes them.
fn tutor() -> Request {
    let data = json!({ "topic": "과학 탐구", "newest_message": "하늘은 왜 파래요?" });
    Request {
        messages: vec![
            message(Role::System, "너는 질문을 봐 주는 선생님이야."),
            message(Role::User, &data.to_string()),
        ],
        max_tokens: 800,
        schema: Some(Schema { name: "tutor_feedback", schema: json!({ "type": "object" }) }),
        purpose: "tutor",
        ..chat()
    }
}

/// Everything an answer says: its text pieces, then its end or the error it broke off with. Nothing may follow.
async fn read(mut answer: AnswerStream) -> (Vec<String>, Result<End, Error>) {
    let mut texts = Vec::new();
    let last = loop {
        match answer.next().await.expect("an end or an error comes before nothing") {
            Ok(Piece::Text(text)) => texts.push(text),
            Ok(Piece::Thinking) => {}
            Ok(Piece::Withdrawn) => texts.clear(),
            Ok(Piece::End(end)) => break Ok(end),
            Err(error) => break Err(error),
        }
    };
    assert!(answer.next().await.is_none(), "nothing follows the end");
    (texts, last)
}

fn calls(server: &FakeOpenAi) -> usize {
    server.stats().calls
}

/// The models that were asked, in order.
fn models(server: &FakeOpenAi) -> Vec<String> {
    server.requests().iter().map(|call| call.body["model"].as_str().unwrap_or_default().to_owned()).collect()
}

const CHAT: Purpose = Purpose::Chat;
