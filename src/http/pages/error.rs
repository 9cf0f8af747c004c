//! Errors as pages, for browsers.

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
    /// `not_found`, `overloaded`, `server` or `other`: the part of the texts' keys.
    kind: &'static str,
    request_id: &'a str,
}

impl ErrorPage<'_> {
    /// The `title` or the `text` of this kind of error.
    fn text(&self, part: &str) -> Cow<'static, str> {
        self.page.t(&format!("error.{}_{part}", self.kind))
    }
}

/// The page that a browser sees instead of the one it asked for. It needs no state, so that it's there when nothing
/// else is; `request_id` may be empty.
#[must_use]
pub fn error_page(error: &ApiError, status: StatusCode, locale: Locale, request_id: &str) -> Response {
    let page = Page::bare(locale);
    let kind = match (error, status) {
        (ApiError::Overloaded, _) => "overloaded",
        (_, StatusCode::NOT_FOUND) => "not_found",
        (_, status) if status.is_server_error() => "server",
        _ => "other",
    };
    page.render(status, &ErrorPage { page: &page, status: status.as_u16(), kind, request_id })
}
