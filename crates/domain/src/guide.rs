//! The tutor's introduction to a topic.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What stands beside the chat before the first question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Guide {
    /// One line of plain text.
    pub guide_title: String,
    /// Markdown: a short introduction and tips for talking with an AI on this topic.
    pub guide_content: String,
    /// Exactly three, all different, each a message the student could send.
    pub starter_questions: Vec<String>,
    /// Who wrote it.
    pub source: GuideSource,
}

/// Who wrote a guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuideSource {
    /// A language model.
    Model,
    /// The program itself.
    Preset,
}
