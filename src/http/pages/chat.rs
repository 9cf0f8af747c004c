//! The chat: the conversation on the left, the tutor's notes in the margin.

use askama::Template;
use axum::extract::{Query, rejection::QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page::Page;
use super::strings::{self, Script};
use super::{CHAT_PATH, TOPICS_PATH};
use crate::domain::Topic;
use crate::domain::guide::{self, Guide};
use crate::domain::message::MESSAGE_MAX_CHARS;
use crate::render::markdown;

/// The query of the chat's address.
#[derive(Debug, Deserialize)]
pub struct ChatQuery {
    /// The topic.
    topic: Option<String>,
    /// A topic of one's own, as the topic page's form sends it without scripts.
    own: Option<String>,
    /// An earlier conversation to carry on.
    c: Option<String>,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct ChatPage<'a> {
    page: &'a Page,
    topic: &'a str,
    name: String,
    emoji: &'static str,
    greeting: String,
    guide: Guide,
    guide_html: String,
    strings: &'static str,
    max_chars: usize,
}

/// `/index.html` and `/chat.html`. Without a topic there is nothing to talk about: on to the topic page.
pub async fn chat(page: Page, query: Result<Query<ChatQuery>, QueryRejection>) -> Response {
    let Ok(Query(query)) = query else {
        return Redirect::to(TOPICS_PATH).into_response();
    };
    if let Some(own) = query.own.as_deref().and_then(|own| Topic::parse(own).ok()) {
        return Redirect::to(&chat_path(&own)).into_response();
    }
    let topic = query.topic.as_deref().map(Topic::parse);
    let topic = match (topic, query.c) {
        (Some(Ok(topic)), _) => topic,
        // The page's script asks which topic the conversation has and comes back with it.
        (None, Some(_)) => Topic::default(),
        _ => return Redirect::to(TOPICS_PATH).into_response(),
    };
    let guide = guide::preset(&topic, page.locale);
    let template = ChatPage {
        topic: topic.as_str(),
        name: page.topic_name(&topic),
        emoji: topic.preset().map_or("", |preset| preset.emoji()),
        greeting: guide::greeting(&topic, page.locale),
        guide_html: markdown(&guide.guide_content).concat(),
        guide,
        strings: strings::json(Script::Chat, page.locale),
        max_chars: MESSAGE_MAX_CHARS,
        page: &page,
    };
    page.render(StatusCode::OK, &template)
}

/// The chat's address for a topic.
fn chat_path(topic: &Topic) -> String {
    let mut path = format!("{CHAT_PATH}?topic=");
    for byte in topic.as_str().bytes() {
        if byte.is_ascii_alphanumeric() {
            path.push(char::from(byte));
        } else {
            path.push_str(&format!("%{byte:02X}"));
        }
    }
    path
}
