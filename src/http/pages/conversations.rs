//! The list of a learner's conversations. The script of the page fetches the rows.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::Page;
use super::strings::{self, Script};
use domain::Preset;

#[derive(Template)]
#[template(path = "conversations.html")]
struct ConversationsPage<'a> {
    page: &'a Page,
    /// The name in the API, the name in the language of the page, and the emoji of each preset.
    presets: Vec<(&'static str, String, &'static str)>,
    strings: &'static str,
}

/// `/conversations.html`.
pub async fn conversations(page: Page) -> Response {
    let preset = |p: Preset| (p.topic_name(), page.t(&format!("preset.{}", p.key())).into_owned(), p.emoji());
    let template = ConversationsPage {
        presets: Preset::ALL.into_iter().map(preset).collect(),
        strings: strings::json(Script::History, page.locale),
        page: &page,
    };
    page.render(StatusCode::OK, &template)
}
