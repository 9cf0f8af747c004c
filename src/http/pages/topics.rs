//! The topic page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::Page;
use super::strings::{self, Script};
use coach::guide;
use domain::Preset;
use domain::topic::TOPIC_MAX_CHARS;

struct Card {
    key: &'static str,
    value: &'static str,
    name: String,
    emoji: &'static str,
    tagline: &'static str,
}

#[derive(Template)]
#[template(path = "topics.html")]
struct TopicsPage<'a> {
    page: &'a Page,
    cards: Vec<Card>,
    examples: [&'static str; 6],
    strings: &'static str,
    max_chars: usize,
}

/// `/topic-selection.html`.
pub async fn topics(page: Page) -> Response {
    let card = |preset: Preset| Card {
        key: preset.key(),
        value: preset.topic_name(),
        name: page.t(&format!("preset.{}", preset.key())).into_owned(),
        emoji: preset.emoji(),
        tagline: guide::tagline(preset, page.locale),
    };
    let template = TopicsPage {
        cards: Preset::ALL.into_iter().map(card).collect(),
        examples: guide::example_topics(page.locale),
        strings: strings::json(Script::Topic, &page),
        max_chars: TOPIC_MAX_CHARS,
        page: &page,
    };
    page.render(StatusCode::OK, &template)
}
