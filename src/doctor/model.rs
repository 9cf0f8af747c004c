//! Whether the model server answers: one short question, as a student would ask, which costs a handful of tokens.

use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::finding::{Finding, State, Subject};
use crate::{
    app,
    config::{Config, ModelConfig},
    domain::partner::Partner,
    llm::{Client, Error, Message, Piece, Request, Role},
};

/// Above this, students wonder whether anything happens.
const SLOW: Duration = Duration::from_secs(5);

pub(super) async fn check(config: &Config) -> Finding {
    let finding = |state, code| Finding::new(Subject::Model, state, code).with("model", &config.model.openai_model);
    let Some(server) = config.model.server() else { return finding(State::Note, "model-practice") };
    let finding = |state, code| finding(state, code).with("server", server);
    // What stands in for it says nothing of it.
    let alone = ModelConfig { openai_fallback_models: Vec::new(), ..config.model.clone() };
    let client = match app::partner(&alone) {
        Ok(Partner::Model(client, _)) => client,
        Ok(Partner::Practice) => return finding(State::Note, "model-practice"),
        Err(error) => return finding(State::Failed, "model-settings").with("error", format!("{error:#}")),
    };
    let began = Instant::now();
    let question = Request {
        messages: vec![Message { role: Role::User, content: "Say: ok".to_owned() }],
        // As much as an answer may take: a model that thinks first needs it, any other stops after a word.
        max_tokens: config.model.answer_max_tokens,
        temperature: config.model.temperature,
        schema: None,
        model: None,
        purpose: "doctor",
    };
    match first_word(&client, question).await {
        Ok(()) => {
            let took = began.elapsed();
            let (state, code) = if took > SLOW { (State::Warning, "model-slow") } else { (State::Ok, "model-ok") };
            finding(state, code).with("millis", took.as_millis())
        }
        Err(error) => {
            let code = match error {
                Error::Connect => "model-unreachable",
                Error::Timeout(_) => "model-silent",
                Error::Unauthorized => "model-key",
                Error::ModelMissing => "model-missing",
                Error::PathMissing => "model-path",
                Error::Quota => "model-quota",
                Error::RateLimited { .. } => "model-limited",
                Error::Server { .. } | Error::BreakerOpen { .. } => "model-ill",
                Error::NoAnswer => "model-no-answer",
                Error::BadRequest { .. } | Error::ContextFull { .. } | Error::Broken | Error::ContentFilter => {
                    "model-strange"
                }
            };
            finding(State::Failed, code).with("error", error)
        }
    }
}

/// Asks, and hangs up at the first word of the answer. Thoughts before it are none.
async fn first_word(client: &Client, question: Request) -> Result<(), Error> {
    let mut answer = client.stream(question).await?;
    while let Some(piece) = answer.next().await {
        if matches!(piece?, Piece::Text(_)) {
            return Ok(());
        }
    }
    Err(Error::NoAnswer)
}
