//! Checks of data from Redis. A writer to Redis must not be able to write into pages.

use std::sync::Arc;

use super::{event::Status, view::Change};

/// How each part of a turn is checked.
#[derive(Debug, Clone, Copy)]
pub struct PayloadChecks {
    /// Makes a block safe HTML. Safe HTML stays unchanged.
    pub html: fn(&str) -> String,
    /// The feedback as JSON of the right shape; `None` if it isn't feedback.
    pub feedback: fn(&str) -> Option<String>,
    /// Whether a turn can have this status.
    pub status: fn(&Status) -> bool,
}

impl Default for PayloadChecks {
    /// Accepts nothing from Redis but the text of answers.
    fn default() -> Self {
        Self { html: |_| String::new(), feedback: |_| None, status: |_| false }
    }
}

impl PayloadChecks {
    /// The change without its invalid parts.
    pub(super) fn check(&self, change: Change) -> Change {
        let blocks = change.blocks.into_iter().map(|(index, html)| (index, Arc::from((self.html)(&html)))).collect();
        let feedback = change.feedback.and_then(|json| (self.feedback)(&json)).map(Arc::from);
        Change { blocks, feedback, status: change.status.filter(self.status), ..change }
    }
}
