//! The pages a student sees, rendered on the server.

mod chat;
mod conversations;
mod error;
mod help;
mod leave;
mod page;
mod strings;
#[cfg(test)]
mod tests;
mod topics;

use std::sync::Arc;

use axum::response::Redirect;

pub use chat::{chat, choose, choose_again, resume};
pub use conversations::conversations;
pub use error::error_page;
pub use help::help;
pub use leave::{confirm_leave, leave};
pub use topics::topics;

/// What every page says about the server it comes from.
#[derive(Debug, Clone)]
pub struct PageContext {
    /// No model is connected: the practice partner serves, and every page says so.
    pub practice: bool,
    /// The model that serves, by the name the operator gave.
    pub model: Arc<str>,
    /// Where styles and scripts are: `/static/<hash>`.
    pub static_base: Arc<str>,
}

/// Where the choice of a topic is.
pub const TOPICS_PATH: &str = "/topic-selection.html";
/// Where the chat is.
pub const CHAT_PATH: &str = "/chat.html";

/// Where a student leaves a shared computer.
pub const LEAVE_PATH: &str = "/leave.html";

/// `/`: the topic page, for good.
pub async fn root() -> axum::response::Response {
    use axum::http::{StatusCode, header::LOCATION};
    use axum::response::IntoResponse;
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, TOPICS_PATH)]).into_response()
}

/// `/mode-selection.html`: the topic page, until there is a practice mode to choose.
pub async fn mode_selection() -> Redirect {
    Redirect::to(TOPICS_PATH)
}
