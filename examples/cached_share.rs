//! How much of each question a provider's prompt cache can take: `cargo run --release --example cached_share`.
//!
//! Asks 40 questions of one conversation of a model server in this process, and compares each request with the one
//! before. Providers such as OpenAI take what is equal from the beginning from their cache, at a part of the price, from
//! 1,024 tokens on and in steps of 128. Tokens are estimated as the program estimates them.

use std::time::Duration;

use domain::estimate_tokens;
use domain::{ConversationId, Locale, Topic};
use futures_util::StreamExt;
use llm::{Client, Settings};
use llm_classroom::engine::assistant::{Assistant, GenerationParams, HistorySource, PromptInput};
use serde_json::Value;

#[path = "../tests/support/openai.rs"]
mod openai;

const TURNS: usize = 40;
const LEAST_CACHED: usize = 1_024;
const CACHE_STEP: usize = 128;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = openai::FakeOpenAi::start().await;
    // As the settings are when nothing is set.
    let params =
        GenerationParams { answer_tokens: 1_000, feedback_tokens: 1_200, history_tokens: 6_000, temperature: 0.7 };
    let partner = Assistant::Model(Client::new(Settings::new(server.base_url(), "model"))?, params);
    let answer = "식물은 햇빛과 물과 공기 속의 이산화탄소로 양분을 만들어요. ".repeat(12);
    let mut history = Vec::new();
    for turn in 1..=TURNS {
        let asking = PromptInput {
            topic: Topic::parse("과학 탐구")?,
            history: history.clone(),
            history_source: HistorySource::Stored(ConversationId::new()),
            message: format!("{turn}번째 질문이에요. 잎은 왜 초록색으로 보이나요?"),
            locale: Locale::Ko,
            model: None,
            is_followed: true,
        };
        let mut pieces = partner.answer(&asking, Duration::ZERO).await?;
        while pieces.next().await.transpose()?.is_some() {}
        history.push((asking.message, answer.clone()));
    }
    let prompts: Vec<String> = server.requests().iter().map(|request| as_read(&request.body["messages"])).collect();
    println!("turn  tokens  cached");
    let (mut tokens, mut cached) = (0, 0);
    let mut before = "";
    for (turn, prompt) in (1..).zip(&prompts) {
        let whole = estimate_tokens(prompt);
        let equal = match estimate_tokens(equal_beginning(before, prompt)) {
            equal if equal < LEAST_CACHED => 0,
            equal => equal / CACHE_STEP * CACHE_STEP,
        };
        println!("{turn:4}  {whole:6}  {:5.1} %", percent(equal, whole));
        (tokens, cached, before) = (tokens + whole, cached + equal, prompt);
    }
    println!("all   {tokens:6}  {:5.1} %", percent(cached, tokens));
    Ok(())
}

/// The messages as a model reads them, one after the other.
fn as_read(messages: &Value) -> String {
    let messages = messages.as_array().map(Vec::as_slice).unwrap_or_default();
    messages.iter().map(|message| format!("{}\n{}\n", message["role"], message["content"])).collect()
}

/// What both texts begin with.
fn equal_beginning<'a>(before: &str, text: &'a str) -> &'a str {
    let equal = before.chars().zip(text.chars()).take_while(|(a, b)| a == b);
    &text[..equal.map(|(_, c)| c.len_utf8()).sum()]
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}
