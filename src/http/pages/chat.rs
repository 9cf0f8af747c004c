//! The chat: the conversation on the left, the tutor's notes in the margin.

use askama::Template;
use axum::Form;
use axum::extract::{
    Query, State,
    rejection::{FormRejection, QueryRejection},
};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use serde::Deserialize;

use super::page::Page;
use super::strings::{self, Script};
use super::{CHAT_PATH, TOPICS_PATH};
use crate::http::{AppState, error::ApiError, learner::Learner};
use coach::guide;
use domain::guide::Guide;
use domain::message::MESSAGE_MAX_CHARS;
use domain::{ConversationId, Topic};
use markdown::render_without_links;

/// The query of the chat's address.
#[derive(Debug, Default, Deserialize)]
pub struct ChatQuery {
    /// The topic.
    topic: Option<String>,
    /// A topic of one's own, as the topic page's form of an older version sends it without scripts.
    own: Option<String>,
    /// An earlier conversation to carry on.
    c: Option<String>,
}

/// The topic page's form. It is posted, so that a student's own topic stands in no address and in no log of one.
#[derive(Debug, Deserialize)]
pub struct ChoiceForm {
    /// A preset's name.
    topic: Option<String>,
    /// A topic of the student's own.
    own: Option<String>,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct ChatPage<'a> {
    page: &'a Page,
    topic: &'a str,
    /// This page's address without a student's own words; the script puts it in the place of the one that was called.
    address: String,
    /// Where a new conversation on the topic begins.
    fresh: String,
    name: String,
    emoji: &'static str,
    greeting: String,
    guide: Guide,
    guide_html: String,
    strings: &'static str,
    max_chars: usize,
}

/// `/index.html` and `/chat.html`. An earlier conversation of this learner brings its topic along.
///
/// # Errors
/// [`ApiError`] when the store fails.
pub async fn resume(
    State(state): State<AppState>,
    learner: Result<Option<Learner>, ApiError>,
    page: Page,
    query: Result<Query<ChatQuery>, QueryRejection>,
) -> Result<Response, ApiError> {
    let named = query.as_ref().ok().and_then(|Query(query)| query.c.as_deref()?.parse().ok());
    if let Some(id) = named
        && let Some(Learner(learner)) = learner?
        && let Some(conversation) = state.store.conversation(learner, id).await?
    {
        return Ok(render(page, &conversation.topic, Some(id)));
    }
    Ok(chat(page, query).await)
}

/// The chat for a topic that the address names. Without a topic there is nothing to talk about: on to the topic page.
pub async fn chat(page: Page, query: Result<Query<ChatQuery>, QueryRejection>) -> Response {
    let Ok(Query(query)) = query else {
        return Redirect::to(&page.topics_address()).into_response();
    };
    if let Some(own) = query.own.as_deref().and_then(|own| Topic::parse(own).ok()) {
        return Redirect::to(&named_address(&own)).into_response();
    }
    let topic = query.topic.as_deref().map(Topic::parse);
    let id = query.c.as_deref().and_then(|id| id.parse().ok());
    match (topic, query.c) {
        (Some(Ok(topic)), _) => render(page, &topic, id),
        // The page's script says that the conversation isn't there.
        (None, Some(_)) => render(page, &Topic::default(), id),
        _ => Redirect::to(&page.topics_address()).into_response(),
    }
}

/// `POST /own-topic.html`: begins with the topic that the topic page's form sends.
pub async fn choose(page: Page, form: Result<Form<ChoiceForm>, FormRejection>) -> Response {
    let chosen = form.ok().and_then(|Form(form)| {
        let own = form.own.as_deref().and_then(|own| Topic::parse(own).ok());
        own.or_else(|| form.topic.as_deref().and_then(|topic| Topic::parse(topic).ok()))
    });
    match chosen {
        Some(topic) if topic.preset().is_some() => Redirect::to(&named_address(&topic)).into_response(),
        Some(topic) => render(page, &topic, None),
        None => Redirect::to(TOPICS_PATH).into_response(),
    }
}

/// `GET /own-topic.html`, as a browser without scripts asks when it reloads: the topic page, to choose again.
pub async fn choose_again() -> Redirect {
    Redirect::to(TOPICS_PATH)
}

fn render(mut page: Page, topic: &Topic, id: Option<ConversationId>) -> Response {
    let fresh = fresh_address(topic);
    let address = match id {
        // A conversation alone leads to its topic; a preset's name stays, since addresses have always had it.
        Some(id) if is_own(topic) => format!("{CHAT_PATH}?c={id}"),
        Some(id) => format!("{fresh}&c={id}"),
        None => fresh.clone(),
    };
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
        strings: strings::json(Script::Chat, page.locale),
        max_chars: MESSAGE_MAX_CHARS,
        page: &page,
    };
    page.render(StatusCode::OK, &template)
}

/// The chat's address with a topic in it.
fn named_address(topic: &Topic) -> String {
    format!("{CHAT_PATH}?topic={}", percent_encoded(topic))
}

/// Where a new conversation begins. A student's own topic stands behind `#`, which no browser sends to anybody.
fn fresh_address(topic: &Topic) -> String {
    match is_own(topic) {
        true => format!("{CHAT_PATH}#topic={}", percent_encoded(topic)),
        false => named_address(topic),
    }
}

/// Whether a topic is in a student's own words.
fn is_own(topic: &Topic) -> bool {
    topic.preset().is_none() && *topic != Topic::default()
}

/// The same address with `lang=` in its query, in front of what stands behind `#`.
fn in_other_language(address: &str, tag: &str) -> String {
    let (sent, fragment) = address.split_once('#').map_or((address, None), |(sent, rest)| (sent, Some(rest)));
    let sign = if sent.contains('?') { '&' } else { '?' };
    let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
    format!("{sent}{sign}lang={tag}{fragment}")
}

fn percent_encoded(topic: &Topic) -> PercentEncode<'_> {
    utf8_percent_encode(topic.as_str(), NON_ALPHANUMERIC)
}
