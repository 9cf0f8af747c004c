//! What comes from Redis is checked before it reaches a page: whoever can write there must not write into pages.

use std::sync::Arc;

use super::{Status, view::Change};

/// How each part of a turn is checked.
#[derive(Debug, Clone, Copy)]
pub struct PayloadChecks {
    /// Makes a block safe HTML. What is safe already stays as it is.
    pub html: fn(&str) -> String,
    /// The feedback as JSON of the right shape; `None` if it isn't feedback.
    pub feedback: fn(&str) -> Option<String>,
    /// Whether a turn can stand so.
    pub status: fn(&Status) -> bool,
}

impl Default for PayloadChecks {
    /// Takes nothing from Redis but the text of answers.
    fn default() -> Self {
        Self { html: |_| String::new(), feedback: |_| None, status: |_| false }
    }
}

impl PayloadChecks {
    /// The change without what isn't right.
    pub(super) fn check(&self, change: Change) -> Change {
        let blocks = change.blocks.into_iter().map(|(index, html)| (index, Arc::from((self.html)(&html)))).collect();
        let feedback = change.feedback.and_then(|json| (self.feedback)(&json)).map(Arc::from);
        Change { blocks, feedback, status: change.status.filter(self.status), ..change }
    }
}
