//! A learner's conversations.

use crate::http::locale::RequestLocale;
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
    beginning::begin,
    guide::TopicRequest,
    turns::{TurnView, idempotency_key},
};
use crate::http::{AppState, address::ClientAddress, error::ApiError, learner::Learner, problem::Problem};
use coach::guide;
use domain::{
    ConversationId, Topic,
    conversation::{ConversationSummary, Millis},
};
use store::Cursor;

/// Conversations a page of the list has when no number is asked for.
const PAGE: u64 = 20;
/// Turns a page of a conversation has when no number is asked for.
const TURNS_PAGE: u64 = 50;
/// Conversations or turns a page may have.
const PAGE_MAX: u64 = 100;

/// A conversation that has just begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct Begun {
    id: Uuid,
    topic: String,
    /// The first words of the chat AI.
    greeting: String,
}

/// A conversation with its turns.
#[derive(Debug, Serialize, ToSchema)]
pub struct Whole {
    id: Uuid,
    topic: String,
    /// The first words of the chat AI.
    greeting: String,
    /// UTC, milliseconds.
    created_at: Millis,
    /// A page of the turns, in the order they were asked: the newest ones if not said otherwise.
    turns: Vec<TurnView>,
    /// What to pass as `before` for the page of earlier turns; null when there are none.
    next: Option<u32>,
}

/// A page of the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List {
    /// Newest activity first.
    items: Vec<Item>,
    /// What to pass as `before` for the next page; null on the last one.
    next: Option<String>,
}

/// A conversation in the list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Item {
    id: Uuid,
    topic: String,
    /// How many questions were asked.
    turns: u32,
    /// The first question.
    first_message: Option<String>,
    /// UTC, milliseconds.
    created_at: Millis,
    /// When the last question was asked. UTC, milliseconds.
    active_at: Millis,
}

/// Which page of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// `next` of the page before.
    #[param(pattern = "^(0|-?[1-9][0-9]{0,17})_[0-9a-f]{32}$")]
    before: Option<String>,
    /// Conversations a page, 1 to 100; 20 if not said.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<PageSize>,
    /// Whether to leave out conversations in which nothing was asked yet.
    #[serde(default)]
    #[param(required = false)]
    asked: bool,
}

/// How many things a page has.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u64")]
struct PageSize(u64);

impl TryFrom<u64> for PageSize {
    type Error = &'static str;

    fn try_from(size: u64) -> Result<Self, Self::Error> {
        (1..=PAGE_MAX).contains(&size).then_some(Self(size)).ok_or("limit must lie between 1 and 100")
    }
}

/// Which page of a conversation's turns.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TurnsQuery {
    /// `next` of the page of later turns.
    #[param(value_type = Option<u64>, maximum = 4_294_967_295_u32)]
    before: Option<u32>,
    /// Turns a page, 1 to 100; 50 if not said.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 100)]
    limit: Option<PageSize>,
}

/// Begins a conversation, and makes the learner's cookie when there is none
#[utoipa::path(post, path = "/api/v1/conversations", tag = "conversations",
    params(("Idempotency-Key" = Option<String>, Header, description = "the same key gives the same conversation for ten \
        minutes; without a cookie only if nobody can guess it: 32 hexadecimal digits at least, such as a random UUID")),
    responses((status = 201, body = Begun), (status = 429, response = Problem)))]
pub async fn create(
    State(state): State<AppState>,
    learner: Option<Learner>,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(request): Json<TopicRequest>,
) -> Result<Response, ApiError> {
    let topic = Topic::parse(&request.topic)?;
    let key = idempotency_key(&headers)?;
    let (conversation, cookie) = begin(&state, learner, key, topic, address).await?;

    let greeting = guide::greeting(&conversation.topic, locale);
    let begun = Begun { id: conversation.id.0, topic: conversation.topic.to_string(), greeting };
    let mut response = (StatusCode::CREATED, Json(begun)).into_response();
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
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations", params(PageQuery),
    responses((status = 200, body = List), (status = 422, response = Problem)))]
pub async fn list(
    State(state): State<AppState>,
    learner: Option<Learner>,
    Query(query): Query<PageQuery>,
) -> Result<Json<List>, ApiError> {
    let before = match query.before.as_deref() {
        Some(text) => Some(text.parse::<Cursor>().map_err(|_| ApiError::invalid("before", "cursor"))?),
        None => None,
    };
    let Some(Learner(learner)) = learner else {
        return Ok(Json(List { items: Vec::new(), next: None }));
    };
    let limit = query.limit.map_or(PAGE, |PageSize(size)| size);
    // One more than asked for tells whether there is another page.
    let mut found = match query.asked {
        true => state.store.asked_conversations(learner, before, limit + 1).await?,
        false => state.store.conversations(learner, before, limit + 1).await?,
    };
    let more = found.len() as u64 > limit;
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|last| Cursor::from(last).to_string());
    Ok(Json(List { items: found.into_iter().map(Item::from).collect(), next }))
}

/// Shows a conversation with its newest turns, or a page of earlier ones
#[utoipa::path(get, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path), TurnsQuery),
    responses((status = 200, body = Whole)))]
pub async fn show(
    State(state): State<AppState>,
    Learner(learner): Learner,
    RequestLocale(locale): RequestLocale,
    PathId(id): PathId<ConversationId>,
    Query(query): Query<TurnsQuery>,
) -> Result<Json<Whole>, ApiError> {
    let _share = state.rendered.share_of(learner).await;
    let conversation = state.store.conversation(learner, id).await?.ok_or(ApiError::NotFound)?;
    let limit = query.limit.map_or(TURNS_PAGE, |PageSize(size)| size);
    let turns = state.store.turns_page(learner, id, query.before, limit).await?;
    // Places rise from 1 without holes.
    let next = turns.first().map(|turn| turn.seq).filter(|first| *first > 1);
    Ok(Json(Whole {
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
    if state.engine.delete_conversation(learner, id).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NotFound)
    }
}

impl From<ConversationSummary> for Item {
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
