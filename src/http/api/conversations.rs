//! The conversations of a learner.

use axum::{
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    Json, PathId, Query,
    creation::create_once,
    guide::TopicRequest,
    turns::{TurnView, idempotency_key},
};
use crate::engine::covering::cover_topic;
use crate::http::{
    AppState, address::ClientAddress, error::ApiError, learner::Learner, locale::RequestLocale, problem::Problem,
};
use coach::guide;
use domain::{
    ConversationId, Topic,
    conversation::{ConversationSummary, Millis},
};
use store::Cursor;

/// The default number of conversations in a page of the list.
const LIST_LIMIT: u64 = 20;
/// The default number of turns in a page of a conversation.
const TURNS_LIMIT: u64 = 50;
/// The maximum number of conversations or turns in a page.
const LIMIT_MAX: u64 = 100;

/// A new conversation.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedConversation {
    id: Uuid,
    topic: String,
    /// The greeting of the chat AI.
    greeting: String,
}

/// A conversation with a page of its turns.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationView {
    id: Uuid,
    topic: String,
    /// The greeting of the chat AI.
    greeting: String,
    /// UTC, milliseconds.
    created_at: Millis,
    /// A page of the turns in the order of the questions, by default the newest ones.
    turns: Vec<TurnView>,
    /// The value of `before` for the page of earlier turns; null if there are none.
    next: Option<u32>,
}

/// A page of the list of conversations.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationPage {
    /// The conversations, newest activity first.
    items: Vec<ConversationItem>,
    /// The value of `before` for the next page; null on the last one.
    next: Option<String>,
}

/// A conversation in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConversationItem {
    id: Uuid,
    topic: String,
    /// The number of questions.
    turns: u32,
    /// The first question.
    first_message: Option<String>,
    /// UTC, milliseconds.
    created_at: Millis,
    /// The time of the last question. UTC, milliseconds.
    active_at: Millis,
}

/// The query of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// The `next` of the previous page.
    #[param(pattern = "^(0|-?[1-9][0-9]{0,17})_[0-9a-f]{32}$")]
    before: Option<String>,
    /// The number of conversations in the page, 1 to 100; 20 by default.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<PageLimit>,
    /// Whether to leave out conversations without a question.
    #[serde(default)]
    #[param(required = false)]
    asked: bool,
}

/// The number of items in a page.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
struct PageLimit(u64);

impl TryFrom<u64> for PageLimit {
    type Error = &'static str;

    fn try_from(limit: u64) -> Result<Self, Self::Error> {
        (1..=LIMIT_MAX).contains(&limit).then_some(Self(limit)).ok_or("limit must lie between 1 and 100")
    }
}

/// The query of a conversation.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TurnsQuery {
    /// The `next` of the page of later turns.
    #[param(value_type = Option<u64>, maximum = 4_294_967_295_u32)]
    before: Option<u32>,
    /// The number of turns in the page, 1 to 100; 50 by default.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<PageLimit>,
}

/// Creates a conversation, and a learner if the request has no cookie
#[utoipa::path(post, path = "/api/v1/conversations", tag = "conversations",
    params(("Idempotency-Key" = Option<String>, Header, description = "requests with the same key create one conversation, \
        for ten minutes; without a cookie, the key must be hard to guess: at least 32 hexadecimal digits, such as a random UUID")),
    responses((status = 201, body = CreatedConversation), (status = 429, response = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    learner: Option<Learner>,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(request): Json<TopicRequest>,
) -> Result<Response, ApiError> {
    let topic = cover_topic(Topic::parse(&request.topic)?);
    let key = idempotency_key(&headers)?;
    let (conversation, cookie) = create_once(&state, learner, key, topic, address).await?;

    let greeting = guide::greeting(&conversation.topic, locale);
    let created = CreatedConversation { id: conversation.id.0, topic: conversation.topic.to_string(), greeting };
    let mut response = (StatusCode::CREATED, Json(created)).into_response();
    let location = format!("/api/v1/conversations/{}", conversation.id);
    response
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::try_from(location).map_err(|e| ApiError::internal(&e))?);
    if let Some(cookie) = cookie {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    Ok(response)
}

/// Lists the learner's conversations, newest activity first
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations", params(ListQuery),
    responses((status = 200, body = ConversationPage), (status = 422, response = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    learner: Option<Learner>,
    Query(query): Query<ListQuery>,
) -> Result<Json<ConversationPage>, ApiError> {
    let before = match query.before.as_deref() {
        Some(text) => Some(text.parse::<Cursor>().map_err(|_| ApiError::invalid("before", "cursor"))?),
        None => None,
    };
    let Some(Learner(learner)) = learner else {
        return Ok(Json(ConversationPage { items: Vec::new(), next: None }));
    };
    let limit = query.limit.map_or(LIST_LIMIT, |PageLimit(limit)| limit);
    // One item more than the limit shows whether there is another page.
    let mut summaries = match query.asked {
        true => state.store.asked_conversations(learner, before, limit + 1).await?,
        false => state.store.conversations(learner, before, limit + 1).await?,
    };
    let has_more = summaries.len() as u64 > limit;
    summaries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = summaries.last().filter(|_| has_more).map(|last| Cursor::from(last).to_string());
    Ok(Json(ConversationPage { items: summaries.into_iter().map(ConversationItem::from).collect(), next }))
}

/// Shows a conversation with its newest turns, or a page of earlier ones
#[utoipa::path(get, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path), TurnsQuery),
    responses((status = 200, body = ConversationView)))]
pub async fn show(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    PathId(id): PathId<ConversationId>,
    Query(query): Query<TurnsQuery>,
) -> Result<Json<ConversationView>, ApiError> {
    let _guard = state.rendered.lock_reader(learner).await;
    let conversation = state.store.conversation(learner, id).await?.ok_or(ApiError::NotFound)?;
    let limit = query.limit.map_or(TURNS_LIMIT, |PageLimit(limit)| limit);
    let turns = state.store.turns_page(learner, id, query.before, limit).await?;
    // The sequence numbers of a conversation have no gaps and start at 1.
    let next = turns.first().map(|turn| turn.seq).filter(|first| *first > 1);
    Ok(Json(ConversationView {
        id: id.0,
        greeting: guide::greeting(&conversation.topic, locale),
        topic: conversation.topic.to_string(),
        created_at: conversation.created_at,
        turns: TurnView::all(turns, &state.rendered, locale).await?,
        next,
    }))
}

/// Deletes a conversation and everything in it
#[utoipa::path(delete, path = "/api/v1/conversations/{id}", tag = "conversations", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub async fn delete(
    State(state): State<AppState>,
    Learner(learner): Learner,
    PathId(id): PathId<ConversationId>,
) -> Result<StatusCode, ApiError> {
    if state.turns.delete_conversation(learner, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NotFound)
    }
}

impl From<ConversationSummary> for ConversationItem {
    fn from(summary: ConversationSummary) -> Self {
        Self {
            id: summary.conversation.id.0,
            topic: summary.conversation.topic.to_string(),
            turns: summary.turns,
            first_message: summary.first_message,
            created_at: summary.conversation.created_at,
            active_at: summary.active_at,
        }
    }
}
