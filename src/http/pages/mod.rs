//! Pages, rendered on the server.

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
mod turn;

use std::sync::Arc;

use axum::response::Redirect;

pub use chat::{chat, redirect_to_topics, resume, submit_topic};
pub use conversations::conversations;
pub use error::error_page;
pub use help::help;
pub use leave::{confirm_leave, leave};
pub use topics::topics;

/// Values that all pages show.
#[derive(Debug, Clone)]
pub struct PageContext {
    /// Whether no model is connected and the practice partner answers, which every page says.
    pub practice: bool,
    /// The path of styles and scripts: `/static/<hash>`.
    pub static_base: Arc<str>,
    /// Days after its last use that a conversation is deleted; `None` for never.
    pub retention_days: Option<u32>,
}

/// The path of the topic page.
pub const TOPICS_PATH: &str = "/topic-selection.html";
/// The path of the chat page.
pub const CHAT_PATH: &str = "/chat.html";

/// The path of the page on which a student leaves a shared computer.
pub const LEAVE_PATH: &str = "/leave.html";

/// `/`: permanently redirects to the topic page.
pub async fn root() -> axum::response::Response {
    use axum::http::{StatusCode, header::LOCATION};
    use axum::response::IntoResponse;
    (StatusCode::MOVED_PERMANENTLY, [(LOCATION, TOPICS_PATH)]).into_response()
}

/// `/mode-selection.html`: redirects to the topic page, until there is a choice of modes.
pub async fn mode_selection() -> Redirect {
    Redirect::to(TOPICS_PATH)
}
