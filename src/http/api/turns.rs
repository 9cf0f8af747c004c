//! Asking, stopping and trying again.

use crate::http::locale::{RequestLocale, reason_text};
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Json, PathId};
use crate::{
    engine::{
        rendered::{Blocks, RenderedAnswers},
        turn::Lookup,
    },
    http::{AppState, address::ClientAddress, error::ApiError, learner::Learner, problem::Problem},
};
use domain::{
    ConversationId, Feedback, Locale, StudentMessage, TurnId,
    conversation::Millis,
    turn::{Reason, Turn},
};

/// Longest idempotency key.
const KEY_MAX: usize = 100;

/// What the student asks.
#[derive(Debug, Deserialize, ToSchema)]
pub struct Question {
    /// The message, at most 2,000 characters.
    #[schema(example = "하늘은 왜 파래요?", min_length = 1)]
    message: String,
}

/// A message that is taken in: it can't be lost any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// The turn, to be followed at `/api/v1/turns/{id}/events`.
    turn_id: Uuid,
    /// Its place in the conversation, from 1.
    seq: u32,
}

/// A turn.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnView {
    id: Uuid,
    /// Its place in the conversation, from 1.
    seq: u32,
    /// Which try this is, from 1.
    attempt: u32,
    /// What the student wrote.
    message: String,
    /// `accepted`, `answering`, `done`, `failed`, `cancelled` or `interrupted`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why it ended so, where the state alone doesn't say.
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    /// The reason as a sentence in the reader's language.
    reason_text: Option<String>,
    /// The answer, or its beginning.
    answer: Option<AnswerView>,
    /// The tutor's notes.
    feedback: Option<Feedback>,
    /// UTC, milliseconds.
    created_at: Millis,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// As Markdown, as the model wrote it.
    text: String,
    /// As safe HTML.
    html: String,
}

impl TurnView {
    /// Turns as the API shows them.
    pub(super) async fn all(
        turns: Vec<Turn>,
        rendered: &RenderedAnswers,
        locale: Locale,
    ) -> Result<Vec<Self>, ApiError> {
        let mut views = Vec::with_capacity(turns.len());
        for turn in turns {
            let blocks = rendered.blocks(&turn).await.map_err(|error| ApiError::internal(&error))?;
            views.push(Self::new(turn, &blocks, locale));
        }
        Ok(views)
    }

    fn new(turn: Turn, blocks: &Blocks, locale: Locale) -> Self {
        let answer = (!turn.answer.is_empty()).then(|| AnswerView { html: blocks.concat(), text: turn.answer });
        Self {
            id: turn.id.0,
            seq: turn.seq,
            attempt: turn.attempt,
            message: turn.message,
            state: turn.state.as_str(),
            reason: turn.reason.map(Reason::as_str),
            reason_text: turn.reason.map(|reason| reason_text(reason.as_str(), locale)),
            answer,
            feedback: turn.feedback,
            created_at: turn.created_at,
        }
    }
}

impl From<Turn> for Accepted {
    fn from(turn: Turn) -> Self {
        Self { turn_id: turn.id.0, seq: turn.seq }
    }
}

/// Asks a question
///
/// When this answers, the message is stored and its answer is on the way, even if nobody follows it.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/turns", tag = "turns",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "the same key gives the same turn, however often it is sent, also when a new question would be refused")),
    responses((status = 202, body = Accepted),
        (status = 409, response = Problem),
        (status = 429, response = Problem)))]
pub async fn ask(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    PathId(id): PathId<ConversationId>,
    headers: HeaderMap,
    Json(question): Json<Question>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    let message = StudentMessage::parse(&question.message)?;
    let key = idempotency_key(&headers)?;
    let turn = match state.engine.find_question(learner, id, &message, key).await? {
        Lookup::Repeated(turn) => turn,
        Lookup::New(reservation) => {
            state.limits.check(Some(learner), address).await?;
            state.engine.ask(learner, id, message, reservation, locale).await?
        }
    };
    note(turn.id);
    Ok((StatusCode::ACCEPTED, Json(turn.into())))
}

/// Stops a running turn; what is there of the answer stays
#[utoipa::path(post, path = "/api/v1/turns/{id}/cancel", tag = "turns", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub async fn cancel(
    State(state): State<AppState>,
    Learner(learner): Learner,
    PathId(id): PathId<TurnId>,
) -> Result<StatusCode, ApiError> {
    note(id);
    state.engine.cancel(learner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries a turn again that failed, was stopped or was interrupted
#[utoipa::path(post, path = "/api/v1/turns/{id}/retry", tag = "turns", params(("id" = Uuid, Path)),
    responses((status = 202, body = Accepted),
        (status = 409, response = Problem), (status = 429, response = Problem)))]
pub async fn retry(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    PathId(id): PathId<TurnId>,
) -> Result<(StatusCode, Json<Accepted>), ApiError> {
    note(id);
    let turn = match state.engine.find_retry(learner, id).await? {
        Lookup::Repeated(turn) => turn,
        Lookup::New(reservation) => {
            state.limits.check(Some(learner), address).await?;
            state.engine.retry(learner, id, reservation, locale).await?
        }
    };
    Ok((StatusCode::ACCEPTED, Json(turn.into())))
}

/// Says on the lines of this request which turn it's about.
pub(super) fn note(turn: TurnId) {
    tracing::Span::current().record("turn.id", tracing::field::display(turn));
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if (1..=KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::invalid("Idempotency-Key", "idempotency-key")),
    }
}
