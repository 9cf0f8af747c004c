//! One student on one topic.

use super::{ConversationId, LearnerId, Topic};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// A conversation without its turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose it is.
    pub learner: LearnerId,
    /// What it's about.
    pub topic: Topic,
    /// When it began.
    pub created_at: Millis,
}

/// A row in the list of a learner's conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    /// The conversation.
    pub conversation: Conversation,
    /// How many questions the student asked.
    pub turns: u32,
    /// The first question, if one was asked.
    pub first_message: Option<String>,
    /// When the last question was asked, or the conversation began.
    pub active_at: Millis,
}
