//! The help page: how to ask well, how the pages work, and what is stored.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::Page;

/// The keys in `locales/` of the six dimensions, in the order of the rubric.
pub(super) const DIMS: [&str; 6] = ["relevance", "clarity", "context", "goal", "structure", "followup"];

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    page: &'a Page,
    dims: [&'static str; 6],
}

impl HelpPage<'_> {
    /// One of a dimension's texts: `name`, `ask`, `topic`, `weak`, `good` or `why`.
    fn dim(&self, dim: &str, text: &str) -> Cow<'static, str> {
        self.page.t(&format!("help.{dim}.{text}"))
    }
}

/// `/help.html`.
pub async fn help(page: Page) -> Response {
    page.render(StatusCode::OK, &HelpPage { page: &page, dims: DIMS })
}
