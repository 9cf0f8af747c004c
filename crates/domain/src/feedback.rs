//! The tutor's notes on one message, in the shape clients rely on.

mod markdown;

pub use markdown::to_markdown;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Notes on how the student asked. Never about the answer, and never invented: when the model fails, the coach's
/// rules write them and `source` says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Feedback {
    /// 잘한 점
    pub strengths: String,
    /// 개선할 점
    pub improvements: String,
    /// 다음 단계
    pub next_steps: String,
    /// 추천 질문: exactly three, all different, each a message the student could send.
    pub suggested_questions: Vec<String>,
    /// The notes as one Markdown text, for clients that show them whole.
    pub raw_feedback: String,
    /// Who wrote them.
    pub source: Source,
    /// Whether the message is about the topic.
    pub topic: TopicFit,
    /// How the message reads, dimension by dimension, in rubric order.
    pub dims: Vec<Dim>,
}

/// Who wrote the notes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// A language model.
    Model,
    /// The built-in rules.
    Coach,
}

/// Whether a message is about the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TopicFit {
    /// On the topic (relevance 2 or 3).
    On,
    /// Needs a bridge to it (relevance 1).
    Bridge,
    /// Nothing to do with it (relevance 0).
    Off,
}

impl TopicFit {
    /// The fit that a relevance level means.
    #[must_use]
    pub fn of_relevance(level: u8) -> Self {
        match level {
            0 => Self::Off,
            1 => Self::Bridge,
            _ => Self::On,
        }
    }
}

/// One dimension of how a message reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dim {
    /// Which dimension.
    pub id: DimId,
    /// 0 to 3; `null` where it doesn't apply.
    pub level: Option<u8>,
    /// The words the level rests on: an exact substring of the message, empty only for level 0 or `null`.
    pub quote: String,
    /// Why the level, in words a student reads.
    pub why: String,
}

/// The six dimensions, in rubric order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DimId {
    /// 주제
    Relevance,
    /// 명확성
    Clarity,
    /// 맥락
    Context,
    /// 목표
    Goal,
    /// 구조
    Structure,
    /// 후속
    Followup,
}

impl DimId {
    /// All, in rubric order.
    pub const ALL: [Self; 6] =
        [Self::Relevance, Self::Clarity, Self::Context, Self::Goal, Self::Structure, Self::Followup];

    /// The word for the dimension in the API and in the tutor's schema.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Relevance => "relevance",
            Self::Clarity => "clarity",
            Self::Context => "context",
            Self::Goal => "goal",
            Self::Structure => "structure",
            Self::Followup => "followup",
        }
    }
}
