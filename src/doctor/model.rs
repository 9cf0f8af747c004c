//! Check of the model server: it asks for an answer and for feedback with the same prompts, schema and settings as for a
//! student. The question is a made-up one, so the report may show the server's messages.

use std::time::{Duration, Instant};

use futures_util::StreamExt;

use super::finding::{Finding, State, Subject};
use crate::{
    config::{Config, ModelConfig},
    engine::assistant::{Assistant, HistorySource, PRACTICE_PACE, PromptInput},
};
use domain::{ConversationId, Locale, Topic};
use llm::{Client, Deviation, Error, Piece};

/// Time to the first word above which students notice a delay.
const SLOW: Duration = Duration::from_secs(5);

/// Tokens of a context window below which even the short prompts leave little room for earlier questions.
const SMALL_WINDOW: u32 = 4_096;

/// A question like those of students.
const QUESTION: &str = "하늘은 왜 파래요? 저녁에는 왜 빨개지는지도 궁금해요.";

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let finding = |state, code| Finding::new(Subject::Model, state, code).with("model", &config.model.openai_model);
    let Some(server) = config.model.server() else { return vec![finding(State::Note, "model-practice")] };
    let finding = |state, code| finding(state, code).with("server", server);
    // Fallback models would hide its failure.
    let without_fallbacks = ModelConfig { openai_fallback_models: Vec::new(), ..config.model.clone() };
    let assistant = match Assistant::new(&without_fallbacks) {
        Ok(assistant) => assistant,
        Err(error) => return vec![finding(State::Failed, "model-settings").with("error", format!("{error:#}"))],
    };
    let Assistant::Model(client, _) = &assistant else { return vec![finding(State::Note, "model-practice")] };
    client.record_refusals();
    client.discover(std::slice::from_ref(&config.model.openai_model)).await;
    let input = PromptInput {
        topic: Topic::default(),
        history: Vec::new(),
        history_source: HistorySource::Stored(ConversationId::new()),
        message: QUESTION.to_owned(),
        locale: Locale::Ko,
        model: None,
        is_followed: true,
    };

    let began = Instant::now();
    let mut found = Vec::new();
    match first_word(&assistant, &input).await {
        Ok(()) => {
            let took = began.elapsed();
            let (state, code) = if took > SLOW { (State::Warning, "model-slow") } else { (State::Ok, "model-ok") };
            found.push(finding(state, code).with("millis", took.as_millis()));
            let began = Instant::now();
            let (state, code, error) = match assistant.model_feedback(&input).await {
                Ok(Some(_)) => (State::Ok, "model-notes", None),
                Ok(None) => (State::Warning, "model-notes-unread", None),
                Err(error) => (State::Failed, "model-notes-failed", Some(error)),
            };
            let notes = finding(state, code).with("millis", began.elapsed().as_millis());
            let refused = error.is_some();
            found.push(notes.with("error", error.map(|error| error.to_string()).unwrap_or_default()));
            found.extend(last_refusal(client).filter(|_| refused));
        }
        Err(error) => {
            found.push(finding(State::Failed, code(&error)).with("error", error));
            found.extend(last_refusal(client));
        }
    }
    found.extend(window(client).map(|finding| finding.with("model", &config.model.openai_model)));
    if client.limits(None).thinks {
        found.push(finding(State::Note, "model-thinks"));
    }
    if let Some(slots) = client.slots().filter(|_| client.has_few_slots()) {
        found.push(finding(State::Note, "model-few-slots").with("slots", slots));
    }
    found.extend(client.deviations(None).iter().map(|deviation| {
        let (code, path) = deviation_code(deviation);
        finding(State::Note, code).with("path", path)
    }));
    found
}

/// Asks the question and waits for the first word of the answer; thoughts before it don't count.
async fn first_word(assistant: &Assistant, input: &PromptInput) -> Result<(), Error> {
    let mut answer = assistant.answer(input, PRACTICE_PACE).await?;
    while let Some(piece) = answer.next().await {
        if matches!(piece?, Piece::Text(_)) {
            return Ok(());
        }
    }
    Err(Error::NoAnswer)
}

/// Checks the size of the model's context window, if the server or its errors tell it.
fn window(client: &Client) -> Option<Finding> {
    let window = client.limits(None).window?;
    let (state, code) =
        if window < SMALL_WINDOW { (State::Warning, "model-window-small") } else { (State::Ok, "model-window") };
    Some(Finding::new(Subject::Model, state, code).with("tokens", window))
}

/// The server's message of its last refusal.
fn last_refusal(client: &Client) -> Option<Finding> {
    let sentence = client.last_refusal()?;
    Some(Finding::new(Subject::Model, State::Note, "model-reply").with("sentence", sentence))
}

fn code(error: &Error) -> &'static str {
    match error {
        Error::Connect => "model-unreachable",
        Error::Timeout(_) => "model-silent",
        Error::Unauthorized => "model-key",
        Error::ModelMissing => "model-missing",
        Error::PathMissing => "model-path",
        Error::Quota => "model-quota",
        Error::RateLimited { .. } => "model-limited",
        Error::Server { .. } | Error::BreakerOpen { .. } => "model-unhealthy",
        Error::NoAnswer => "model-no-answer",
        Error::ContextFull { .. } => "model-context-full",
        Error::BadRequest { .. } | Error::Broken | Error::ContentFilter => "model-strange",
    }
}

/// The code of a deviation's finding, and the path that the deviation names.
fn deviation_code(deviation: &Deviation) -> (&'static str, &str) {
    match deviation {
        Deviation::Path(path) => ("model-other-path", path),
        Deviation::NoStream => ("model-no-stream", ""),
        Deviation::NoStreamOptions => ("model-no-usage", ""),
        Deviation::DeveloperRole => ("model-developer-role", ""),
        Deviation::NoSystemRole => ("model-no-system-role", ""),
        Deviation::CompletionLimit => ("model-completion-limit", ""),
        Deviation::NoTemperature => ("model-no-temperature", ""),
        Deviation::JsonObject => ("model-json-object", ""),
        Deviation::NoFormat => ("model-no-format", ""),
    }
}
