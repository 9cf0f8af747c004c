//! Leaving a shared computer: the browser's cookie is revoked and deleted.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{LEAVE_PATH, page::Page};
use crate::http::{AppState, learner};

/// With TLS, browsers delete the cache and the stored data of the pages, such as drafts in other tabs. `"cookies"` is absent,
/// because it would also delete the cookies of other hosts of the domain.
const CLEAR_SITE_DATA: (&str, &str) = ("clear-site-data", "\"cache\", \"storage\"");

#[derive(Template)]
#[template(path = "leave.html")]
struct LeavePage<'a> {
    page: &'a Page,
    /// Whether the browser has a learner's cookie.
    has_cookie: bool,
}

/// `GET /leave.html`: an explanation with a button, or the confirmation if the browser has no cookie.
pub async fn confirm_leave(State(state): State<AppState>, headers: HeaderMap, page: Page) -> Response {
    let has_cookie = learner::has_cookie(&headers, state.config.is_https());
    page.render(StatusCode::OK, &LeavePage { page: &page, has_cookie })
}

/// `POST /leave.html`: revokes and deletes the cookie.
pub async fn leave(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let mut response =
        ([(header::CACHE_CONTROL.as_str(), "no-store"), CLEAR_SITE_DATA], Redirect::to(LEAVE_PATH)).into_response();
    for cookie in learner::revoke_cookie(&headers, &state).await {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
