//! The coach: rules that read how a student asks, without any model.
//!
//! [`read`] rates a message ([`Asked`]) in the six dimensions of the tutor's rubric ([`Reading`]): each level rests on
//! words of the message. [`feedback`] writes notes from it. [`practice`] stands in for a chat model, and [`guide`] holds
//! the built-in guides. The time is linear in the length of the message.
//!
//! ```
//! let topic = domain::Topic::default();
//! let message = "하늘은 왜 파래요?";
//! let asked = coach::Asked { topic: &topic, message, previous: None, locale: domain::Locale::Ko };
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
mod seeds;
mod structure;
mod subject;
mod suggestion;
mod wording;

use analysis::MessageAnalysis;
use domain::{
    Feedback, Locale, Topic,
    feedback::{Dim, DimId, TopicFit},
};

/// What was said before a message.
#[derive(Debug, Clone, Copy)]
pub struct Previous<'a> {
    /// The student's question before.
    pub question: &'a str,
    /// The answer to it.
    pub answer: &'a str,
}

/// A message to be read.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// What the student studies.
    pub topic: &'a Topic,
    /// What the student wrote, in NFC.
    pub message: &'a str,
    /// What was said before; `None` on a first message.
    pub previous: Option<Previous<'a>>,
    /// The language of the notes.
    pub locale: Locale,
}

/// How a message reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// All six dimensions, in rubric order.
    pub dims: Vec<Dim>,
    /// Whether the message is about the topic.
    pub topic: TopicFit,
}

impl Reading {
    /// The level of a dimension; `None` where it doesn't apply.
    #[must_use]
    pub fn level(&self, id: DimId) -> Option<u8> {
        self.dims.iter().find(|dim| dim.id == id).and_then(|dim| dim.level)
    }

    fn quote(&self, id: DimId) -> &str {
        self.dims.iter().find(|dim| dim.id == id).map_or("", |dim| dim.quote.as_str())
    }
}

/// A level and the words of the message it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark<'a> {
    level: Option<u8>,
    quote: &'a str,
}

impl<'a> Mark<'a> {
    const NONE: Self = Self { level: Some(0), quote: "" };

    /// A level that rests on `quote`; none without words.
    fn of(level: u8, quote: &'a str) -> Self {
        if level == 0 || quote.is_empty() { Self::NONE } else { Self { level: Some(level), quote } }
    }
}

/// Reads a message.
#[must_use]
pub fn read(asked: &Asked<'_>) -> Reading {
    reading(&MessageAnalysis::new(asked))
}

fn reading(analysis: &MessageAnalysis<'_>) -> Reading {
    let dims = DimId::ALL.map(|id| {
        let mark = match id {
            DimId::Relevance => relevance::read(analysis),
            DimId::Clarity => clarity::read(analysis),
            DimId::Context => context::read(analysis),
            DimId::Goal => goal::read(analysis),
            DimId::Structure => structure::read(analysis),
            DimId::Followup => followup::read(analysis),
        };
        let why = wording::why(analysis.asked.locale, id, mark.level).to_owned();
        Dim { id, level: mark.level, quote: mark.quote.to_owned(), why }
    });
    let topic = TopicFit::of_relevance(dims[0].level.unwrap_or(0));
    Reading { dims: dims.to_vec(), topic }
}

/// The coach's notes on a message: rests on the words of the message alone, and never praises what is not there.
#[must_use]
pub fn feedback(asked: &Asked<'_>) -> Feedback {
    note::write(&MessageAnalysis::new(asked))
}

/// Three different questions about a topic, ready to send, at least one of them to complete (`___`). `salt`, such as
/// the student's message, chooses which; the same salt always gives the same three.
#[must_use]
pub fn suggestions(topic: &Topic, locale: Locale, salt: &str) -> [String; 3] {
    seeds::three(topic, locale, choice::hash(salt))
}
