//! Error pages.

use std::borrow::Cow;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::Page;
use crate::http::error::ApiError;
use domain::Locale;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    page: &'a Page,
    status: u16,
    /// `not_found`, `overloaded`, `server` or `other`: a part of the keys in `locales/`.
    kind: &'static str,
    request_id: &'a str,
}

impl ErrorPage<'_> {
    /// The `title` or the `text` of this kind of error.
    fn text(&self, part: &str) -> Cow<'static, str> {
        self.page.t(&format!("error.{}_{part}", self.kind))
    }
}

/// Renders an error page. It needs no state, so it also works if everything else fails. `request_id` may be empty.
#[must_use]
pub fn error_page(error: &ApiError, status: StatusCode, locale: Locale, request_id: &str) -> Response {
    let page = Page::without_state(locale);
    let kind = match (error, status) {
        (ApiError::Overloaded, _) => "overloaded",
        (_, StatusCode::NOT_FOUND) => "not_found",
        (_, status) if status.is_server_error() => "server",
        _ => "other",
    };
    page.render(status, &ErrorPage { page: &page, status: status.as_u16(), kind, request_id })
}
