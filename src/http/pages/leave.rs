//! Leaving a shared computer: the browser forgets whose conversations are whose.

use askama::Template;
use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};

use super::{LEAVE_PATH, page::Page};
use crate::http::{AppState, learner};

/// Browsers that know it (over TLS) drop what the pages kept on the device, drafts in other tabs among them, and what
/// is in their cache. Not `"cookies"`: that would take the cookies of the domain's other hosts, too.
const CLEAR_SITE_DATA: (&str, &str) = ("clear-site-data", "\"cache\", \"storage\"");

#[derive(Template)]
#[template(path = "leave.html")]
struct LeavePage<'a> {
    page: &'a Page,
    /// Whether this browser still leads to somebody's conversations.
    is_here: bool,
}

/// `GET /leave.html`: what leaving means, and the button; once left, that it is done.
pub async fn confirm_leave(State(state): State<AppState>, headers: HeaderMap, page: Page) -> Response {
    let is_here = learner::has_token(&headers, state.config.is_https());
    page.render(StatusCode::OK, &LeavePage { page: &page, is_here })
}

/// `POST /leave.html`.
pub async fn leave(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let mut response =
        ([(header::CACHE_CONTROL.as_str(), "no-store"), CLEAR_SITE_DATA], Redirect::to(LEAVE_PATH)).into_response();
    for cookie in learner::forget(&headers, &state).await {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
