//! The help page: how to ask well, how the pages work, and what is stored.

use std::borrow::Cow;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{PageContext, page::Page};

/// The keys in `locales/` of the six dimensions, in the order of the rubric.
pub(super) const DIMS: [&str; 6] = ["relevance", "clarity", "context", "goal", "structure", "followup"];

#[derive(Template)]
#[template(path = "help.html")]
struct HelpPage<'a> {
    page: &'a Page,
    dims: [&'static str; 6],
    /// Days after its last use that a conversation is deleted; `None` for never.
    retention_days: Option<String>,
}

impl HelpPage<'_> {
    /// One of a dimension's texts: `name`, `ask`, `topic`, `weak`, `good` or `why`.
    fn dim(&self, dim: &str, text: &str) -> Cow<'static, str> {
        self.page.t(&format!("help.{dim}.{text}"))
    }
}

/// `/help.html`.
pub async fn help(State(context): State<PageContext>, page: Page) -> Response {
    let retention_days = context.retention_days.map(|days| days.to_string());
    page.render(StatusCode::OK, &HelpPage { page: &page, dims: DIMS, retention_days })
}
