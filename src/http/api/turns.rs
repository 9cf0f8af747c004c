//! Turns: ask a question, cancel, retry.

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
        covering::cover_message,
        rendered::{Blocks, RenderedAnswers},
        turn::Lookup,
    },
    http::{
        AppState,
        address::ClientAddress,
        error::ApiError,
        learner::Learner,
        locale::{RequestLocale, reason_text},
        problem::Problem,
    },
};
use domain::{
    ConversationId, Feedback, Locale, StudentMessage, TurnId,
    conversation::Millis,
    turn::{Reason, Turn},
};
use safety::personal::PersonalKind;

/// The maximum length of an idempotency key.
const IDEMPOTENCY_KEY_MAX: usize = 100;

/// A question of the student.
#[derive(Debug, Deserialize, ToSchema)]
pub struct QuestionRequest {
    /// The message, at most 2,000 characters.
    #[schema(example = "하늘은 왜 파래요?", min_length = 1)]
    message: String,
}

/// A stored question.
#[derive(Debug, Serialize, ToSchema)]
pub struct AcceptedTurn {
    /// The turn, whose events are at `/api/v1/turns/{id}/events`.
    turn_id: Uuid,
    /// The number of the turn in the conversation, from 1.
    seq: u32,
    /// The message as it is stored, shown and sent: personal data in it is covered.
    message: String,
    /// The kinds of personal data that were covered in the message of this request, each once.
    covered: Vec<CoveredKind>,
}

/// A kind of personal data that was covered.
#[derive(Debug, Serialize, ToSchema)]
pub struct CoveredKind {
    /// `rrn`, `phone`, `email`, `address`, `account`, `card`, `name`, `school`, `student_id`, `messenger`, `password` or
    /// `birthdate`.
    #[schema(value_type = String)]
    kind: &'static str,
}

impl CoveredKind {
    pub(super) fn all(kinds: &[PersonalKind]) -> Vec<Self> {
        kinds.iter().map(|kind| Self { kind: kind.name() }).collect()
    }
}

/// A turn.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnView {
    id: Uuid,
    /// The number of the turn in the conversation, from 1.
    seq: u32,
    /// The number of the attempt, from 1.
    attempt: u32,
    /// The message of the student.
    message: String,
    /// `accepted`, `answering`, `done`, `failed`, `cancelled` or `interrupted`.
    #[schema(value_type = String)]
    state: &'static str,
    /// Why the turn ended in this state, if there is more to say.
    #[schema(value_type = Option<String>)]
    reason: Option<&'static str>,
    /// The reason as a sentence in the language of the request.
    reason_text: Option<String>,
    /// The answer so far.
    answer: Option<AnswerView>,
    /// The feedback of the tutor.
    feedback: Option<Feedback>,
    /// UTC, milliseconds.
    created_at: Millis,
}

/// An answer of the chat AI.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnswerView {
    /// The Markdown that the model wrote.
    text: String,
    /// Sanitised HTML.
    html: String,
}

impl TurnView {
    /// Renders turns for the API.
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

impl AcceptedTurn {
    fn new(turn: Turn, covered: &[PersonalKind]) -> Self {
        Self { turn_id: turn.id.0, seq: turn.seq, message: turn.message, covered: CoveredKind::all(covered) }
    }
}

/// Asks a question
///
/// When the response arrives, the message is stored. The answer is written even if no client follows the turn. Personal data
/// in the message is covered before: tokens such as `[전화번호]` take its place.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/turns", tag = "turns",
    params(("id" = Uuid, Path),
        ("Idempotency-Key" = Option<String>, Header, description = "requests with the same key create one turn, also when a new question would be refused")),
    responses((status = 202, body = AcceptedTurn),
        (status = 409, response = Problem),
        (status = 429, response = Problem)))]
pub async fn ask(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    PathId(id): PathId<ConversationId>,
    headers: HeaderMap,
    Json(request): Json<QuestionRequest>,
) -> Result<(StatusCode, Json<AcceptedTurn>), ApiError> {
    let (message, covered) = cover_message(StudentMessage::parse(&request.message)?);
    let key = idempotency_key(&headers)?;
    let turn = match state.turns.find_question(learner, id, &message, key).await? {
        Lookup::Repeated(turn) => turn,
        Lookup::New(reservation) => {
            state.limits.check(Some(learner), address).await?;
            state.turns.ask(learner, id, message, reservation, locale).await?
        }
    };
    record_turn(turn.id);
    Ok((StatusCode::ACCEPTED, Json(AcceptedTurn::new(turn, &covered))))
}

/// Cancels a running turn and keeps the answer so far
#[utoipa::path(post, path = "/api/v1/turns/{id}/cancel", tag = "turns", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub async fn cancel(
    State(state): State<AppState>,
    Learner(learner): Learner,
    PathId(id): PathId<TurnId>,
) -> Result<StatusCode, ApiError> {
    record_turn(id);
    state.turns.cancel(learner, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Retries a turn that failed, was cancelled or was interrupted
#[utoipa::path(post, path = "/api/v1/turns/{id}/retry", tag = "turns", params(("id" = Uuid, Path)),
    responses((status = 202, body = AcceptedTurn),
        (status = 409, response = Problem), (status = 429, response = Problem)))]
pub async fn retry(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    PathId(id): PathId<TurnId>,
) -> Result<(StatusCode, Json<AcceptedTurn>), ApiError> {
    record_turn(id);
    let turn = match state.turns.find_retry(learner, id).await? {
        Lookup::Repeated(turn) => turn,
        Lookup::New(reservation) => {
            state.limits.check(Some(learner), address).await?;
            state.turns.retry(learner, id, reservation, locale).await?
        }
    };
    Ok((StatusCode::ACCEPTED, Json(AcceptedTurn::new(turn, &[]))))
}

/// Adds the turn to the log lines of this request.
pub(super) fn record_turn(turn: TurnId) {
    tracing::Span::current().record("turn.id", tracing::field::display(turn));
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    // Of two different keys, either could be the one that a repeat brings.
    if values.any(|other| other != value) {
        return Err(ApiError::Unreadable("the header Idempotency-Key has two different values".to_owned()));
    }
    match value.to_str() {
        Ok(key) if (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => Err(ApiError::invalid("Idempotency-Key", "idempotency-key")),
    }
}
