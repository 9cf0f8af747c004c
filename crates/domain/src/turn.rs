//! One student message, its answer and its feedback.

use crate::{ConversationId, Feedback, TurnId, conversation::Millis};

/// Where a turn stands. A turn is always in exactly one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TurnState {
    /// The message is stored; no model call has begun. Only followers see this state: a turn is stored as answering, since
    /// its run begins at once. Rows of the version before may still have it.
    Accepted,
    /// The chat and the tutor are at work.
    Answering,
    /// The answer is whole.
    Done,
    /// No answer, or only the beginning of one; see the turn's [`Reason`].
    Failed,
    /// The student stopped it.
    Cancelled,
    /// The server stopped before the answer was whole.
    Interrupted,
}

impl TurnState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Accepted, Self::Answering, Self::Done, Self::Failed, Self::Cancelled, Self::Interrupted];

    /// The word for the state in the API and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Answering => "answering",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Interrupted => "interrupted",
        }
    }

    /// The state of a word; `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether the turn still changes by itself.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Accepted | Self::Answering)
    }

    /// Whether the student may ask for another try.
    #[must_use]
    pub fn can_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Cancelled | Self::Interrupted)
    }
}

/// Why a turn ended as it did, when the state alone doesn't say. A closed set: each has a sentence in `locales/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The model server could not be reached.
    Unreachable,
    /// The model server failed, or spoke nonsense, before the first word.
    Unavailable,
    /// The model server took too long.
    Timeout,
    /// The model server is busy.
    RateLimited,
    /// The operator's account at the model server is spent.
    Quota,
    /// The model server refuses our key or our model.
    Misconfigured,
    /// The model server's filter stopped the answer.
    ContentFilter,
    /// The model only thought, or reached its length limit before its first word.
    NoAnswer,
    /// The question alone is larger than the model's context window.
    TooLong,
    /// The answer broke off after its first word.
    Broken,
    /// The answer reached its length limit. The turn is done all the same.
    Length,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 11] = [
        Self::Unreachable,
        Self::Unavailable,
        Self::Timeout,
        Self::RateLimited,
        Self::Quota,
        Self::Misconfigured,
        Self::ContentFilter,
        Self::NoAnswer,
        Self::TooLong,
        Self::Broken,
        Self::Length,
    ];

    /// The word for the reason in the API, in the database and in `locales/`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::Quota => "quota",
            Self::Misconfigured => "misconfigured",
            Self::ContentFilter => "content_filter",
            Self::NoAnswer => "no_answer",
            Self::TooLong => "too_long",
            Self::Broken => "broken",
            Self::Length => "length",
        }
    }

    /// The reason of a word; `None` for any other word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// A turn as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Its id.
    pub id: TurnId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// Its place in the conversation, from 1.
    pub seq: u32,
    /// What the student wrote.
    pub message: String,
    /// Where it stands.
    pub state: TurnState,
    /// Why it ended so, if the state alone doesn't say.
    pub reason: Option<Reason>,
    /// How often it was started: 1 at first, one more for each retry.
    pub attempt: u32,
    /// The answer as Markdown; empty while there is none.
    pub answer: String,
    /// The tutor's notes, once written.
    pub feedback: Option<Feedback>,
    /// When the student sent it.
    pub created_at: Millis,
}

/// What a finished run writes, in one commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The final state.
    pub state: TurnState,
    /// Why, if the state alone doesn't say.
    pub reason: Option<Reason>,
    /// The answer as Markdown, also when it's only a beginning.
    pub answer: String,
    /// The tutor's notes, if they came. `None` leaves the stored ones unchanged.
    pub feedback: Option<Feedback>,
    /// What each model call cost.
    pub usage: Vec<Usage>,
}

impl Outcome {
    /// Of a turn whose server stopped before anything came of it.
    #[must_use]
    pub fn interrupted() -> Self {
        Self { state: TurnState::Interrupted, reason: None, ..Self::failed(Reason::Broken) }
    }

    /// Of a turn without an answer.
    #[must_use]
    pub fn failed(reason: Reason) -> Self {
        Self {
            state: TurnState::Failed,
            reason: Some(reason),
            answer: String::new(),
            feedback: None,
            usage: Vec::new(),
        }
    }
}

/// The tokens one model call cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Usage {
    /// What the call was for.
    pub purpose: Purpose,
    /// The model that served it.
    pub model: String,
    /// Tokens read.
    pub prompt_tokens: u32,
    /// Tokens written.
    pub completion_tokens: u32,
    /// Whether the server didn't say and the numbers are our estimate.
    pub estimated: bool,
}

/// What a model call was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// An answer.
    Chat,
    /// Feedback.
    Tutor,
    /// A guide.
    Guide,
}

impl Purpose {
    /// The word for the purpose in the database and in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Tutor => "tutor",
            Self::Guide => "guide",
        }
    }
}
