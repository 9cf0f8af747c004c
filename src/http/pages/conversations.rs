//! The list of a learner's earlier conversations.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;
use time::format_description::{BorrowedFormatItem, well_known::Rfc3339};
use time::{OffsetDateTime, UtcOffset, macros::format_description, macros::offset};

use super::chat::conversation_address;
use super::page::Page;
use super::strings::{self, Script};
use crate::http::{AppState, api::Query, error::ApiError, learner::Learner};
use domain::conversation::{ConversationSummary, Millis};
use store::Cursor;

/// Conversations a page shows.
const PAGE: usize = 20;
/// Where the classes are. The page's script shows times where the student is.
const KOREA: UtcOffset = offset!(+9);
const MINUTE: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]");

/// Which page of the list.
#[derive(Debug, Default, Deserialize)]
pub struct ListQuery {
    /// Where the page before ended.
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "conversations.html")]
struct ConversationsPage<'a> {
    page: &'a Page,
    items: Vec<Item>,
    /// Where the next page begins; `None` on the last one.
    next: Option<String>,
    strings: &'static str,
}

struct Item {
    id: String,
    address: String,
    name: String,
    first_message: String,
    turns: String,
    /// When the last question was asked, as RFC 3339 says it in UTC.
    active_at: String,
    active_at_in_korea: String,
}

/// `/conversations.html`.
///
/// # Errors
/// [`ApiError`] when the store fails.
pub async fn conversations(
    State(state): State<AppState>,
    learner: Option<Learner>,
    page: Page,
    Query(query): Query<ListQuery>,
) -> Result<Response, ApiError> {
    let before: Option<Cursor> = query.before.and_then(|before| before.parse().ok());
    let mut found = match learner {
        // One more than is shown tells whether there is another page.
        Some(Learner(learner)) => state.store.asked_conversations(learner, before, PAGE as u64 + 1).await?,
        None => Vec::new(),
    };
    let has_more = found.len() > PAGE;
    found.truncate(PAGE);
    Ok(render(&page, &found, has_more))
}

pub(super) fn render(page: &Page, found: &[ConversationSummary], has_more: bool) -> Response {
    let template = ConversationsPage {
        items: found.iter().map(|summary| Item::new(summary, page)).collect(),
        next: found.last().filter(|_| has_more).map(|last| Cursor::from(last).to_string()),
        strings: strings::json(Script::History, page),
        page,
    };
    let mut response = page.render(StatusCode::OK, &template);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl Item {
    fn new(summary: &ConversationSummary, page: &Page) -> Self {
        let topic = &summary.conversation.topic;
        let name = page.topic_name(topic);
        let active_at = date_time(summary.active_at);
        Self {
            id: summary.conversation.id.to_string(),
            address: conversation_address(topic, summary.conversation.id),
            name: topic.preset().map_or_else(|| name.clone(), |preset| format!("{} {name}", preset.emoji())),
            first_message: summary.first_message.clone().unwrap_or_default(),
            turns: summary.turns.to_string(),
            active_at: active_at.format(&Rfc3339).unwrap_or_default(),
            active_at_in_korea: active_at.to_offset(KOREA).format(MINUTE).unwrap_or_default(),
        }
    }
}

fn date_time(millis: Millis) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(millis / 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
