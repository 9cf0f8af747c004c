//! The chat page: the conversation, with feedback in the margin.

use askama::Template;
use axum::Form;
use axum::extract::{
    Query, State,
    rejection::{FormRejection, QueryRejection},
};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::Deserialize;

use super::page::Page;
use super::strings::{self, Script};
use super::turn::{Note, Status, TurnArticle};
use super::{CHAT_PATH, TOPICS_PATH};
use crate::engine::covering::cover_topic;
use crate::http::{AppState, error::ApiError, learner::Learner};
use coach::guide;
use domain::guide::Guide;
use domain::message::MESSAGE_MAX_CHARS;
use domain::{ConversationId, LearnerId, Topic};
use markdown::render_without_links;

/// Turns a page shows.
const TURNS_PAGE: u64 = 50;

/// The query of the chat page.
#[derive(Debug, Default, Deserialize)]
pub struct ChatQuery {
    /// The topic.
    topic: Option<String>,
    /// The student's own topic, as the form of an earlier version sends it without scripts.
    own: Option<String>,
    /// The id of an earlier conversation.
    c: Option<String>,
    /// Shows the turns before this sequence number; the newest if not given. Only pages without scripts use it.
    before: Option<String>,
}

/// The form of the topic page. It is posted, so that a student's own topic is in no URL and in no log of URLs.
#[derive(Debug, Deserialize)]
pub struct ChoiceForm {
    /// The name of a preset.
    topic: Option<String>,
    /// The student's own topic.
    own: Option<String>,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct ChatPage<'a> {
    page: &'a Page,
    topic: &'a str,
    /// The URL of this page without a student's own topic. The script replaces the URL in the address bar with it.
    address: String,
    /// The URL of a new conversation on the topic.
    fresh: String,
    name: String,
    emoji: &'static str,
    greeting: String,
    guide: Guide,
    guide_html: String,
    strings: &'static str,
    max_chars: usize,
    conversation: Option<ConversationId>,
    turns: Vec<TurnArticle>,
    needs_rich_styles: bool,
    /// The sequence number before which there are more turns.
    earlier: Option<u32>,
    /// Later turns are not on the page.
    is_earlier_page: bool,
    /// The address names a conversation that this learner doesn't have.
    is_missing: bool,
}

/// What the page shows of a conversation.
#[derive(Default)]
struct History {
    turns: Vec<TurnArticle>,
    earlier: Option<u32>,
    is_earlier_page: bool,
    is_missing: bool,
}

/// `/index.html` and `/chat.html`: an earlier conversation of this learner with its topic, else [`chat`].
pub async fn resume(
    State(state): State<AppState>,
    learner: Result<Option<Learner>, ApiError>,
    page: Page,
    query: Result<Query<ChatQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    if let Ok(Query(query)) = &query
        && let Some(id) = query.c.as_deref().and_then(|id| id.parse().ok())
        && let Some(Learner(learner)) = learner?
        && let Some(conversation) = state.store.conversation(learner, id).await?
    {
        let before = query.before.as_deref().and_then(|before| before.parse().ok());
        let history = load_history(&state, &page, learner, id, before).await?;
        let mut response = render(page, &conversation.topic, Some(id), history);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return Ok(response);
    }
    Ok(chat(page, query).await)
}

/// Reads and renders a page of a conversation's turns.
async fn load_history(
    state: &AppState,
    page: &Page,
    learner: LearnerId,
    id: ConversationId,
    before: Option<u32>,
) -> Result<History, ApiError> {
    let _guard = state.rendered.lock_reader(learner).await;
    let stored = state.store.turns_page(learner, id, before, TURNS_PAGE).await?;
    // Sequence numbers rise from 1 without gaps.
    let earlier = stored.first().map(|turn| turn.seq).filter(|first| *first > 1);
    let mut turns = Vec::with_capacity(stored.len());
    for turn in &stored {
        let blocks = state.rendered.blocks(turn).await.map_err(|error| ApiError::internal(&error))?;
        turns.push(TurnArticle::new(turn, blocks.concat(), page));
    }
    Ok(History { turns, earlier, is_earlier_page: before.is_some(), is_missing: false })
}

/// The chat page for the topic in the query. Without one, it redirects to the topic page.
pub async fn chat(page: Page, query: Result<Query<ChatQuery>, QueryRejection>) -> Response {
    let Ok(Query(query)) = query else {
        return Redirect::to(&page.topics_address()).into_response();
    };
    if let Some(own) = query.own.as_deref().and_then(parse_topic) {
        return Redirect::to(&address_with_topic(&own)).into_response();
    }
    let topic = query.topic.as_deref().map(parse_topic);
    let id = query.c.as_deref().and_then(|id| id.parse().ok());
    let history = History { is_missing: query.c.is_some(), ..History::default() };
    match (topic, query.c) {
        (Some(Some(topic)), _) => render(page, &topic, id, history),
        (None, Some(_)) => render(page, &Topic::default(), id, history),
        _ => Redirect::to(&page.topics_address()).into_response(),
    }
}

/// `POST /own-topic.html`: the chat page for the topic in the form of the topic page.
pub async fn submit_topic(page: Page, form: Result<Form<ChoiceForm>, FormRejection>) -> Response {
    let chosen = form.ok().and_then(|Form(form)| {
        let own = form.own.as_deref().and_then(parse_topic);
        own.or_else(|| form.topic.as_deref().and_then(parse_topic))
    });
    match chosen {
        Some(topic) if topic.preset().is_some() => Redirect::to(&address_with_topic(&topic)).into_response(),
        Some(topic) => render(page, &topic, None, History::default()),
        None => Redirect::to(TOPICS_PATH).into_response(),
    }
}

/// `GET /own-topic.html`, sent by a reload without scripts: redirects to the topic page.
pub async fn redirect_to_topics() -> Redirect {
    Redirect::to(TOPICS_PATH)
}

fn render(mut page: Page, topic: &Topic, id: Option<ConversationId>, history: History) -> Response {
    let fresh = new_conversation_address(topic);
    let address = id.map_or_else(|| fresh.clone(), |id| conversation_address(topic, id));
    if is_own(topic) {
        page.translated = in_other_language(&address, page.other_tag());
    }
    let guide = guide::preset(topic, page.locale);
    let template = ChatPage {
        topic: topic.as_str(),
        address,
        fresh,
        name: page.topic_name(topic),
        emoji: topic.preset().map_or("", |preset| preset.emoji()),
        greeting: guide::greeting(topic, page.locale),
        guide_html: render_without_links(&guide.guide_content).concat(),
        guide,
        strings: strings::json(Script::Chat, &page),
        max_chars: MESSAGE_MAX_CHARS,
        conversation: id,
        needs_rich_styles: history.turns.iter().any(TurnArticle::needs_rich_styles),
        turns: history.turns,
        earlier: history.earlier,
        is_earlier_page: history.is_earlier_page,
        is_missing: history.is_missing,
        page: &page,
    };
    page.render(StatusCode::OK, &template)
}

/// The URL of the chat page for a conversation.
pub(super) fn conversation_address(topic: &Topic, id: ConversationId) -> String {
    if is_own(topic) {
        // The conversation determines its topic. The name of a preset stays in the URL, as in earlier versions.
        return format!("{CHAT_PATH}?c={id}");
    }
    format!("{}&c={id}", address_with_topic(topic))
}

/// The URL of the chat page for a topic.
fn address_with_topic(topic: &Topic) -> String {
    format!("{CHAT_PATH}?topic={}", percent_encoded(topic))
}

/// The URL of a new conversation. A student's own topic follows `#`, because browsers do not send this part.
fn new_conversation_address(topic: &Topic) -> String {
    match is_own(topic) {
        true => format!("{CHAT_PATH}#topic={}", percent_encoded(topic)),
        false => address_with_topic(topic),
    }
}

/// Reads a topic. Personal data in it is covered, so that the page never shows it and never puts it into an address.
fn parse_topic(text: &str) -> Option<Topic> {
    Topic::parse(text).ok().map(cover_topic)
}

/// Whether a topic is a student's own.
fn is_own(topic: &Topic) -> bool {
    topic.preset().is_none() && *topic != Topic::default()
}

/// The same URL with `lang=` in its query.
fn in_other_language(address: &str, tag: &str) -> String {
    let (before, fragment) =
        address.split_once('#').map_or((address, None), |(before, fragment)| (before, Some(fragment)));
    let separator = if before.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{before}{separator}lang={tag}{fragment}")
}

fn percent_encoded(topic: &Topic) -> PercentEncode<'_> {
    utf8_percent_encode(topic.as_str(), NON_ALPHANUMERIC)
}
