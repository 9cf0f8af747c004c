//! The events that a follower of a turn receives.

use std::{borrow::Cow, sync::Arc};

use serde::{Deserialize, Serialize};

/// The status of a turn, in the words of the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The state.
    pub state: Cow<'static, str>,
    /// Why, if the state alone doesn't say.
    pub reason: Option<Cow<'static, str>>,
    /// Whether the answer of a running turn is whole, so that only the feedback is missing. The version before doesn't
    /// send it.
    #[serde(default)]
    pub is_answered: bool,
}

impl Status {
    /// A state, and a reason if the state alone doesn't say.
    #[must_use]
    pub const fn new(state: &'static str, reason: Option<&'static str>) -> Self {
        Self {
            state: Cow::Borrowed(state),
            reason: match reason {
                Some(reason) => Some(Cow::Borrowed(reason)),
                None => None,
            },
            is_answered: false,
        }
    }

    /// The same state with a whole answer.
    #[must_use]
    pub const fn answered(state: &'static str) -> Self {
        Self { state: Cow::Borrowed(state), reason: None, is_answered: true }
    }
}

/// One event of a turn's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The whole view. Always first; sent again after text was withdrawn.
    Snapshot {
        /// The status of the turn.
        status: Status,
        /// The answer, block by block, as safe HTML.
        blocks: Vec<Arc<str>>,
        /// The feedback as JSON, if it's there.
        feedback: Option<Arc<str>>,
        /// Whether the model is thinking before its answer.
        thinking: bool,
    },
    /// New text of the answer, as the model wrote it.
    Delta {
        /// The text.
        text: String,
    },
    /// A new or changed block. An empty one was removed.
    Block {
        /// Its place in the answer, from 0.
        index: usize,
        /// The whole block as safe HTML.
        html: Arc<str>,
    },
    /// The feedback was added.
    Feedback {
        /// The feedback as JSON.
        json: Arc<str>,
    },
    /// The model began or stopped thinking.
    Thinking {
        /// Whether it thinks.
        thinking: bool,
    },
    /// The state changed.
    State {
        /// The new status.
        status: Status,
    },
    /// The last event.
    End,
}
