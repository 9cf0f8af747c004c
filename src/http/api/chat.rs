//! Calls that carry their conversation along: what clients of the first version make. Nothing of them is stored but
//! what they cost.

use crate::engine::turn::failure_reason;
use crate::http::locale::{RequestLocale, reason_text};
use std::{convert::Infallible, time::Duration};

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

use super::{Json, event_schema::PieceEvent, events::STREAM_HEADERS};
use crate::{
    engine::{
        assistant::{self, AnswerStream, PromptInput},
        stateless::{self, Said},
        turn::StatelessSlot,
        usage_guard::UsageGuard,
    },
    http::{
        AppState, address::ClientAddress, error::ApiError, learner::LearnerIfKnown, metrics::InFlight, problem::Problem,
    },
};
use domain::{
    Feedback, LearnerId, Locale, Topic,
    message::{MESSAGE_MAX_CHARS, MessageError},
    turn::{Purpose, Reason},
};
use llm::Piece;

/// A question with its conversation: either `messages`, the last of them the question, or `message` with
/// `conversation_history`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatRequest {
    /// The conversation, ending with the question.
    messages: Option<Vec<ChatMessage>>,
    /// The question, at most 2,000 characters.
    #[schema(example = "하늘은 왜 파래요?", min_length = 1)]
    message: Option<String>,
    /// What was said before `message`.
    conversation_history: Option<Vec<ChatMessage>>,
    /// At most 100 characters; `일반적인 주제` if not said.
    #[schema(example = "과학 탐구")]
    topic: Option<String>,
    /// One of the models the server allows.
    model: Option<String>,
}

/// One message.
#[derive(Debug, Deserialize, ToSchema)]
pub struct ChatMessage {
    /// Who said it.
    role: ChatRole,
    /// What was said.
    content: String,
}

/// Who may have said a message.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// The student.
    User,
    /// The chat AI.
    Assistant,
}

/// An answer with the tutor's notes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChatResponse {
    /// The answer, as Markdown.
    response: String,
    /// The model that gave it.
    model: String,
    /// The notes on how the question was asked.
    tutor_feedback: Option<Feedback>,
}

/// Answers a question and notes how it was asked
#[utoipa::path(post, path = "/api/v1/chat/chat", tag = "chat",
    responses((status = 200, body = ChatResponse), (status = 429, response = Problem),
        (status = 502, response = Problem), (status = 504, response = Problem)))]
pub async fn chat(
    State(state): State<AppState>,
    LearnerIfKnown(learner): LearnerIfKnown,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    Json(request): Json<ChatRequest>,
) -> Result<Json<ChatResponse>, ApiError> {
    let (asking, _slot) = admitted(&state, learner, address, request, locale).await?;
    let mut answer_bill = bill(&state, &asking, Purpose::Chat);
    let mut notes_bill = bill(&state, &asking, Purpose::Tutor);
    let (chat_gate, tutor_gate) = assistant::call_order();
    let answer = async {
        let begin = state.assistant.answer_first(&asking, Duration::ZERO, chat_gate);
        let collected = async { collect(begin.await?, &mut answer_bill).await };
        let (response, end) = match collected.await {
            Ok(whole) => whole,
            Err(error) => {
                answer_bill.failed();
                return Err(ApiError::from(error));
            }
        };
        answer_bill.settle(&[assistant::used(Purpose::Chat, &end)]).await;
        match end.finish {
            llm::Finish::ContentFilter => Err(ApiError::Model(Reason::ContentFilter)),
            _ => Ok((response, end)),
        }
    };
    let notes = async {
        let noted = state.assistant.feedback_after(&asking, tutor_gate, &llm::RequestProgress::default()).await;
        notes_bill.settle(&noted.usage).await;
        Ok(noted.feedback)
    };
    // Notes are only sent with an answer: when it fails, the tutor's call is cancelled.
    let ((response, end), feedback) = future::try_join(answer, notes).await?;
    Ok(Json(ChatResponse { response, model: end.model, tutor_feedback: Some(feedback) }))
}

/// Answers a question piece by piece
///
/// Server-sent events: `data: {"content":"…"}` for each piece, last `data: {"content":"[DONE]"}`. Should the answer
/// break off, `data: {"error":"…"}` comes before the last. Should the pieces so far turn out to be the model's thoughts,
/// `data: {"withdrawn":true}` says that the answer begins anew.
#[utoipa::path(post, path = "/api/v1/chat/chat/stream", tag = "chat",
    responses((status = 200, content_type = "text/event-stream", body = PieceEvent), (status = 429, response = Problem),
        (status = 502, response = Problem), (status = 504, response = Problem)))]
pub async fn stream(
    State(state): State<AppState>,
    LearnerIfKnown(learner): LearnerIfKnown,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    Json(request): Json<ChatRequest>,
) -> Result<Response, ApiError> {
    let (asking, slot) = admitted(&state, learner, address, request, locale).await?;
    let in_flight = InFlight::begin();
    let pieces = beyond_thoughts(state.assistant.answer(&asking, assistant::PRACTICE_PACE).await?).await?;
    let heard = bill(&state, &asking, Purpose::Chat);
    // Usage guard and slot go with the stream: a client that hangs up drops them all.
    let data = stream::unfold(Some((pieces, heard, slot)), move |going| async move {
        let (mut pieces, mut bill, slot) = going?;
        let last = |data| Some((data, None));
        match pieces.next().await {
            Some(Ok(Piece::Text(text))) => {
                bill.heard(&text);
                Some((vec![json!({ "content": text })], Some((pieces, bill, slot))))
            }
            Some(Ok(Piece::Thinking)) => Some((Vec::new(), Some((pieces, bill, slot)))),
            Some(Ok(Piece::Withdrawn)) => Some((vec![json!({ "withdrawn": true })], Some((pieces, bill, slot)))),
            Some(Ok(Piece::End(end))) => {
                bill.settle(&[assistant::used(Purpose::Chat, &end)]).await;
                let filtered = end.finish == llm::Finish::ContentFilter;
                last(filtered.then(|| broken_off(Reason::ContentFilter, locale)).into_iter().collect())
            }
            Some(Err(error)) => last(vec![broken_off(failure_reason(&error, bill.has_begun()), locale)]),
            None => last(vec![broken_off(Reason::Broken, locale)]),
        }
    });
    let stopped = state.engine.stopped();
    let engine = state.engine.clone();
    let interrupted = async move { engine.is_stopped().then(|| broken_off(Reason::Broken, locale)) };
    let events = data
        .flat_map(stream::iter)
        .take_until(stopped)
        .chain(stream::once(interrupted).filter_map(future::ready))
        .chain(stream::iter([json!({ "content": "[DONE]" })]))
        .map(|data| Ok::<_, Infallible>(sse::Event::default().data(data.to_string())));
    Ok((STREAM_HEADERS, Sse::new(in_flight.hold(events))).into_response())
}

fn bill(state: &AppState, asking: &PromptInput, purpose: Purpose) -> UsageGuard {
    UsageGuard::open(state.assistant.clone(), state.store.clone(), state.budget.clone(), asking.clone(), purpose)
}

fn broken_off(reason: Reason, locale: Locale) -> serde_json::Value {
    json!({ "error": reason_text(reason.as_str(), locale) })
}

async fn admitted(
    state: &AppState,
    learner: Option<LearnerId>,
    address: std::net::IpAddr,
    request: ChatRequest,
    locale: Locale,
) -> Result<(PromptInput, StatelessSlot), ApiError> {
    let asking = read(state, request, locale)?;
    state.limits.check(learner, address).await?;
    Ok((asking, state.engine.admit_stateless(learner.is_some())?))
}

fn read(state: &AppState, request: ChatRequest, locale: Locale) -> Result<PromptInput, ApiError> {
    let topic = match request.topic.as_deref() {
        Some(topic) if !topic.trim().is_empty() => Topic::parse(topic)?,
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
    let said = messages.into_iter().map(Said::try_from).collect::<Result<_, _>>()?;
    Ok(stateless::asking(topic, said, model, locale)?)
}

impl TryFrom<ChatMessage> for Said {
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
            // Our own answers may be longer than a student's message; the body's limit bounds them.
            ChatRole::Assistant => Ok(Self::Assistant(message.content)),
        }
    }
}

/// Waits until a model that thinks first has begun to write, so that a failure before is told by its status.
async fn beyond_thoughts(mut pieces: AnswerStream) -> Result<AnswerStream, llm::Error> {
    loop {
        match pieces.next().await {
            Some(Ok(Piece::Thinking)) => {}
            Some(Ok(piece)) => return Ok(stream::iter([Ok(piece)]).chain(pieces).boxed()),
            Some(Err(error)) => return Err(error),
            None => return Err(llm::Error::Broken),
        }
    }
}

async fn collect(mut stream: AnswerStream, bill: &mut UsageGuard) -> Result<(String, llm::End), llm::Error> {
    let mut text = String::new();
    while let Some(piece) = stream.next().await {
        match piece? {
            Piece::Text(piece) => {
                bill.heard(&piece);
                text.push_str(&piece);
            }
            Piece::Thinking => {}
            Piece::Withdrawn => text.clear(),
            Piece::End(end) => return Ok((text, end)),
        }
    }
    Err(llm::Error::Broken)
}
