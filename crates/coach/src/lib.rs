//! The coach: rules that read how a student asks, without any model.
//!
//! [`assess`] rates a message ([`CoachInput`]) in the six dimensions of the tutor's rubric ([`Assessment`]): each level rests on
//! words of the message. [`feedback`] writes notes from it. [`practice`] stands in for a chat model, and [`guide`] holds
//! the built-in guides. The time is linear in the length of the message.
//!
//! ```
//! let topic = domain::Topic::default();
//! let message = "하늘은 왜 파래요?";
//! let asked = coach::CoachInput { topic: &topic, message, previous: None, locale: domain::Locale::Ko };
//! assert_eq!(coach::feedback(&asked).suggested_questions.len(), 3);
//! ```

mod analysis;
mod choice;
mod clarity;
mod context;
mod cues;
mod fields;
mod followup;
mod goal;
pub mod guide;
mod kind;
mod note;
pub mod practice;
mod quotation;
mod relevance;
mod stock_questions;
mod structure;
mod subject;
mod suggestion;
mod wording;

use analysis::MessageAnalysis;
use cues::WISH;
use domain::{
    Feedback, Locale, Topic,
    feedback::{Dim, DimId, TopicFit},
};
use kind::Kind;

/// The question and the answer before a message.
#[derive(Debug, Clone, Copy)]
pub struct PreviousExchange<'a> {
    /// The student's question before.
    pub question: &'a str,
    /// The answer to it.
    pub answer: &'a str,
}

/// A message to be assessed, with its context.
#[derive(Debug, Clone, Copy)]
pub struct CoachInput<'a> {
    /// What the student studies.
    pub topic: &'a Topic,
    /// What the student wrote, in NFC.
    pub message: &'a str,
    /// The exchange before it; `None` for a first message.
    pub previous: Option<PreviousExchange<'a>>,
    /// The language of the notes.
    pub locale: Locale,
}

/// How well a message is written: a level in each dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assessment {
    /// All six dimensions, in rubric order.
    pub dims: Vec<Dim>,
    /// Whether the message is about the topic.
    pub topic: TopicFit,
}

impl Assessment {
    /// The level of a dimension; `None` where it doesn't apply.
    #[must_use]
    pub fn level(&self, id: DimId) -> Option<u8> {
        self.dims.iter().find(|dim| dim.id == id).and_then(|dim| dim.level)
    }

    fn quote(&self, id: DimId) -> &str {
        self.dims.iter().find(|dim| dim.id == id).map_or("", |dim| dim.quote.as_str())
    }
}

/// A level and the words of the message that justify it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rating<'a> {
    level: Option<u8>,
    quote: &'a str,
}

impl<'a> Rating<'a> {
    const NONE: Self = Self { level: Some(0), quote: "" };

    /// A level that `quote` justifies. Without words, the level is 0.
    fn of(level: u8, quote: &'a str) -> Self {
        if level == 0 || quote.is_empty() { Self::NONE } else { Self { level: Some(level), quote } }
    }

    /// The rating of a message that is no question: level 1 for a wish.
    fn of_wish(analysis: &MessageAnalysis<'a>) -> Self {
        WISH.quote(&analysis.text).map_or(Self::NONE, |wish| Self::of(1, wish))
    }
}

/// Assesses a message.
#[must_use]
pub fn assess(asked: &CoachInput<'_>) -> Assessment {
    assess_analysis(&MessageAnalysis::new(asked))
}

fn assess_analysis(analysis: &MessageAnalysis<'_>) -> Assessment {
    let dims = DimId::ALL.map(|id| {
        let rating = match id {
            DimId::Followup => followup::rate(analysis),
            _ if analysis.kind != Kind::Plain => Rating::NONE,
            DimId::Relevance => relevance::rate(analysis),
            DimId::Clarity => clarity::rate(analysis),
            DimId::Context => context::rate(analysis),
            DimId::Goal => goal::rate(analysis),
            DimId::Structure => structure::rate(analysis),
        };
        let why = wording::why(analysis.asked.locale, id, rating.level).to_owned();
        Dim { id, level: rating.level, quote: rating.quote.to_owned(), why }
    });
    let topic = TopicFit::of_relevance(dims[0].level.unwrap_or(0));
    Assessment { dims: dims.to_vec(), topic }
}

/// Writes the coach's notes on a message. They rest on the words of the message only, and never praise what is missing.
#[must_use]
pub fn feedback(asked: &CoachInput<'_>) -> Feedback {
    note::write(&MessageAnalysis::new(asked))
}

/// Three different questions about a topic, ready to send, at least one of them to complete (`___`). `salt`, such as
/// the student's message, chooses which; the same salt always gives the same three.
#[must_use]
pub fn suggestions(topic: &Topic, locale: Locale, salt: &str) -> [String; 3] {
    stock_questions::three(topic, locale, choice::hash(salt))
}
