//! Stateless calls, which contain their whole conversation, as clients of the first version make them. Only their token
//! usage is stored.

use std::{convert::Infallible, net::IpAddr, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{self, Sse},
    },
};
use futures_util::{StreamExt, future, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{Json, event_schema::PieceEvent, events::STREAM_HEADERS, turns::CoveredKind};
use crate::{
    engine::{
        assistant::{self, AnswerStream, PromptInput, UsageLog},
        budgets::Payer,
        covering::cover_topic,
        stateless::{self, ClientMessage},
        turn::{StatelessSlot, failure_reason},
        usage_guard::UsageGuard,
    },
    http::{
        AppState,
        address::ClientAddress,
        error::ApiError,
        locale::{RequestLocale, reason_text},
        metrics::InFlight,
        problem::Problem,
        rate_limit,
        stateless_access::StatelessCaller,
    },
    lifecycle::Phase,
};
use domain::{
    Feedback, Locale, Topic,
    message::{MESSAGE_MAX_CHARS, MessageError},
    turn::{Purpose, Reason},
};
use llm::Piece;
use safety::personal::PersonalKind;

/// A question with its conversation: either `messages`, whose last one is the question, or `message` with
/// `conversation_history`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// The conversation, ending with the question.
    messages: Option<Vec<ChatMessage>>,
    /// The question, at most 2,000 characters.
    #[schema(example = "하늘은 왜 파래요?", min_length = 1)]
    message: Option<String>,
    /// The messages before `message`.
    conversation_history: Option<Vec<ChatMessage>>,
    /// At most 100 characters; `일반적인 주제` by default.
    #[schema(example = "과학 탐구")]
    topic: Option<String>,
    /// One of the models that the server allows.
    model: Option<String>,
}

/// A message.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatMessage {
    /// The author.
    role: ChatRole,
    /// The text.
    content: String,
}

/// The author of a message.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// The student.
    User,
    /// The chat AI.
    Assistant,
}

/// An answer with feedback on the question.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatResponse {
    /// The answer, as Markdown.
    response: String,
    /// The model that wrote it.
    model: String,
    /// The feedback on how the question was asked.
    tutor_feedback: Option<Feedback>,
    /// The kinds of personal data that were covered in the question before it was sent to the model, each once.
    covered: Vec<CoveredKind>,
}

/// Answers a question, with feedback on how it was asked
#[utoipa::path(post, path = "/api/v1/chat/chat", tag = "chat",
    security((), ("token" = [])),
    responses((status = 200, body = ChatResponse), (status = 401, response = Problem),
        (status = 403, response = Problem), (status = 429, response = Problem),
        (status = 502, response = Problem), (status = 504, response = Problem)))]
pub async fn chat(
    State(state): State<AppState>,
    caller: StatelessCaller,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    Json(request): Json<ChatRequest>,
) -> Result<Json<ChatResponse>, ApiError> {
    let payer = payer(address);
    let Admitted { input, covered, slot: _slot } = admit(&state, caller, address, request, locale).await?;
    let input = PromptInput { is_followed: false, ..input };
    let (chat_gate, tutor_gate) = assistant::call_order();
    let mut answer_usage = usage_guard(&state, &input, payer, Purpose::Chat, UsageLog::new(chat_gate.watch()));
    let mut feedback_usage = usage_guard(&state, &input, payer, Purpose::Tutor, UsageLog::default());
    let answer = async {
        let begin = state.assistant.answer_first(&input, Duration::ZERO, chat_gate);
        let collected = async { collect_answer(begin.await?, &mut answer_usage).await }.await;
        answer_usage.settle().await;
        let (response, end) = collected?;
        match end.finish {
            llm::Finish::ContentFilter => Err(ApiError::Model(Reason::ContentFilter)),
            _ => Ok((response, end)),
        }
    };
    let feedback = async {
        let feedback = state.assistant.feedback_after(&input, tutor_gate, &mut feedback_usage.log).await;
        feedback_usage.settle().await;
        Ok(feedback)
    };
    // Feedback is sent only with an answer. If the answer fails, the call for the feedback is cancelled.
    let ((response, end), feedback) = until_stopping(&state, future::try_join(answer, feedback)).await?;
    let covered = CoveredKind::all(&covered);
    Ok(Json(ChatResponse { response, model: end.model, tutor_feedback: Some(feedback), covered }))
}

/// Answers a question as a stream
///
/// Server-sent events: `data: {"content":"…"}` for each piece, `data: {"content":"[DONE]"}` at the end. If the answer fails,
/// `data: {"error":"…"}` comes before the end. If the pieces so far were thoughts of the model, `data: {"withdrawn":true}`
/// withdraws them and the answer begins anew.
#[utoipa::path(post, path = "/api/v1/chat/chat/stream", tag = "chat",
    security((), ("token" = [])),
    responses((status = 200, content_type = "text/event-stream", body = PieceEvent), (status = 401, response = Problem),
        (status = 403, response = Problem), (status = 429, response = Problem),
        (status = 502, response = Problem), (status = 504, response = Problem)))]
pub async fn stream(
    State(state): State<AppState>,
    caller: StatelessCaller,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    let payer = payer(address);
    let Admitted { input, slot, .. } = admit(&state, caller, address, request, locale).await?;
    let in_flight = InFlight::start();
    let (chat_gate, _) = assistant::call_order();
    let usage = usage_guard(&state, &input, payer, Purpose::Chat, UsageLog::new(chat_gate.watch()));
    let begin = async {
        let pieces = state.assistant.answer_first(&input, assistant::PRACTICE_PACE, chat_gate).await?;
        Ok(skip_thoughts(pieces).await?)
    };
    let pieces = until_stopping(&state, begin).await?;
    // Usage guard and slot are part of the stream: if the client disconnects, all are dropped.
    let data = stream::unfold(Some((pieces, usage, slot)), move |state| async move {
        let (mut pieces, mut usage, slot) = state?;
        let last = |data| Some((data, None));
        match pieces.next().await {
            Some(Ok(Piece::Text(text))) => {
                usage.push(&text);
                Some((vec![json!({ "content": text })], Some((pieces, usage, slot))))
            }
            Some(Ok(Piece::Thinking)) => Some((Vec::new(), Some((pieces, usage, slot)))),
            Some(Ok(Piece::Withdrawn)) => Some((vec![json!({ "withdrawn": true })], Some((pieces, usage, slot)))),
            Some(Ok(Piece::End(end))) => {
                usage.log.add(assistant::used(Purpose::Chat, &end));
                usage.settle().await;
                let filtered = end.finish == llm::Finish::ContentFilter;
                last(filtered.then(|| error_data(Reason::ContentFilter, locale)).into_iter().collect())
            }
            Some(Err(error)) => last(vec![error_data(failure_reason(&error, usage.has_begun()), locale)]),
            None => last(vec![error_data(Reason::Broken, locale)]),
        }
    });
    let stopping = state.lifecycle.reached(Phase::Stopping);
    let lifecycle = state.lifecycle.clone();
    let interrupted = async move { lifecycle.has_reached(Phase::Stopping).then(|| error_data(Reason::Broken, locale)) };
    let events = data
        .flat_map(stream::iter)
        .take_until(stopping)
        .chain(stream::once(interrupted).filter_map(future::ready))
        .chain(stream::iter([json!({ "content": "[DONE]" })]))
        .map(|data| Ok::<_, Infallible>(sse::Event::default().data(data.to_string())));
    Ok((STREAM_HEADERS, Sse::new(in_flight.count(events))).into_response())
}

/// Stateless calls have a budget of their own, with which students' questions have nothing to do.
fn payer(address: IpAddr) -> Payer {
    Payer::Stateless(rate_limit::network_of(address))
}

fn usage_guard(state: &AppState, input: &PromptInput, payer: Payer, purpose: Purpose, log: UsageLog) -> UsageGuard {
    let (assistant, store, budgets) = (state.assistant.clone(), state.store.clone(), state.budgets.clone());
    UsageGuard::new(assistant, store, budgets, payer, input.clone(), purpose, log)
}

/// Waits for `call`, which is dropped when the grace period of a shutdown is over.
async fn until_stopping<T>(state: &AppState, call: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::select! {
        result = call => result,
        () = state.lifecycle.reached(Phase::Stopping) => Err(ApiError::Draining),
    }
}

fn error_data(reason: Reason, locale: Locale) -> serde_json::Value {
    json!({ "error": reason_text(reason.as_str(), locale) })
}

/// A call that may begin.
struct Admitted {
    input: PromptInput,
    /// What was covered in the question.
    covered: Vec<PersonalKind>,
    slot: StatelessSlot,
}

async fn admit(
    state: &AppState,
    StatelessCaller { learner }: StatelessCaller,
    address: IpAddr,
    request: ChatRequest,
    locale: Locale,
) -> Result<Admitted, ApiError> {
    let (input, covered) = parse_request(state, request, locale).await?;
    state.limits.check(learner, address).await?;
    let slot = state.stateless_slots.admit(learner.is_some(), rate_limit::network_of(address))?;
    Ok(Admitted { input, covered, slot })
}

async fn parse_request(
    state: &AppState,
    request: ChatRequest,
    locale: Locale,
) -> Result<(PromptInput, Vec<PersonalKind>), ApiError> {
    let topic = match request.topic.as_deref() {
        Some(topic) if !topic.trim().is_empty() => cover_topic(Topic::parse(topic)?),
        _ => Topic::default(),
    };
    let model = match request.model {
        Some(model) if state.config.model.allows(&model) => Some(model),
        Some(_) => return Err(ApiError::invalid("model", "model")),
        None => None,
    };
    let messages = match (request.messages, request.message) {
        (Some(messages), None) => messages,
        (None, Some(message)) => {
            let mut messages = request.conversation_history.unwrap_or_default();
            messages.push(ChatMessage { role: ChatRole::User, content: message });
            messages
        }
        _ => return Err(ApiError::invalid("message", "one-of")),
    };
    let messages = messages.into_iter().map(ClientMessage::try_from).collect::<Result<_, _>>()?;
    // Covering a hundred messages would block the async runtime.
    let parsed = tokio::task::spawn_blocking(move || stateless::parse_messages(topic, messages, model, locale));
    Ok(parsed.await.map_err(|error| ApiError::internal(&error))??)
}

impl TryFrom<ChatMessage> for ClientMessage {
    type Error = ApiError;

    fn try_from(message: ChatMessage) -> Result<Self, ApiError> {
        match message.role {
            ChatRole::User => {
                let chars = message.content.chars().count();
                if chars > MESSAGE_MAX_CHARS {
                    return Err(MessageError::TooLong(chars).into());
                }
                Ok(Self::User(message.content))
            }
            // Answers may be longer than a message of a student. The limit of the body bounds them.
            ChatRole::Assistant => Ok(Self::Assistant(message.content)),
        }
    }
}

/// Waits until the model writes. A failure while it thinks can thus be a response with an error status.
async fn skip_thoughts(mut pieces: AnswerStream) -> Result<AnswerStream, llm::Error> {
    loop {
        match pieces.next().await {
            Some(Ok(Piece::Thinking)) => {}
            Some(Ok(piece)) => return Ok(stream::iter([Ok(piece)]).chain(pieces).boxed()),
            Some(Err(error)) => return Err(error),
            None => return Err(llm::Error::Broken),
        }
    }
}

async fn collect_answer(mut stream: AnswerStream, usage: &mut UsageGuard) -> Result<(String, llm::End), llm::Error> {
    let mut text = String::new();
    while let Some(piece) = stream.next().await {
        match piece? {
            Piece::Text(piece) => {
                usage.push(&piece);
                text.push_str(&piece);
            }
            Piece::Thinking => {}
            Piece::Withdrawn => text.clear(),
            Piece::End(end) => {
                usage.log.add(assistant::used(Purpose::Chat, &end));
                return Ok((text, end));
            }
        }
    }
    Err(llm::Error::Broken)
}
