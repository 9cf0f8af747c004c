//! The words of the notes, in both languages. The rules choose; these tables speak.

mod en;
mod ko;
mod why;

use domain::{Locale, Preset, Topic, feedback::DimId, topic::DEFAULT_TOPIC};

pub(super) use why::why;

/// Several phrasings of one thing, so that three notes in a row don't read the same.
type Phrasings = &'static [&'static str];

/// All the coach says in one language. Places: `{quote}` words of the message, `{topic}` the topic, `{it}` what the
/// message is about, `{q}` the student's own question.
pub(super) struct Words {
    /// What was good about a dimension that reads well (2 or 3).
    pub(super) praise: fn(DimId) -> Phrasings,
    /// A second, short sentence of praise.
    pub(super) also: fn(DimId) -> &'static str,
    /// What to say of a beginning: nothing reads better than 1.
    pub(super) beginning: Phrasings,
    /// What to improve; `true` where the dimension reads well already and could be finer.
    pub(super) improve: fn(DimId, bool) -> Phrasings,
    /// What to do next.
    pub(super) next: fn(DimId) -> Phrasings,
    /// Nothing left to improve: improvements, then next steps.
    pub(super) whole: [Phrasings; 2],
    /// Three parts (strengths, improvements, next steps) for messages of a special sort.
    pub(super) noise: [Phrasings; 3],
    pub(super) greeting: [Phrasings; 3],
    pub(super) thanks: [Phrasings; 3],
    pub(super) off: [Phrasings; 3],
    /// For a child who may be in danger: asking can wait.
    pub(super) care: [Phrasings; 3],
    /// What such a child could ask.
    pub(super) care_questions: Phrasings,
    /// Improvements and next steps on a request for the finished work.
    pub(super) finished_work: [Phrasings; 2],
    /// Improvements on a question sent twice.
    pub(super) repeated: Phrasings,
    /// The student's question, better in one dimension, with its own words in `{q}`.
    pub(super) rewrite: fn(DimId) -> Phrasings,
    /// A question about `{it}` where there is no question yet to rewrite.
    pub(super) about: Phrasings,
    /// Questions about `{it}` from the side of a preset; of a student's own topic for `None`.
    pub(super) bridge: fn(Option<Preset>) -> Phrasings,
    /// Questions about `{it}` where that is a thing the student writes: a story, a hero.
    pub(super) forms: Phrasings,
    /// Ways on from "tell me more".
    pub(super) more: Phrasings,
    /// Ways from something quite different to `{topic}`.
    pub(super) join: Phrasings,
    /// Ways on from a request for the finished work.
    pub(super) hints: Phrasings,
    /// Questions on a preset, or on `{topic}`, that need nothing from the student.
    pub(super) stock_questions: fn(Option<Preset>) -> Phrasings,
    /// The titles of the four parts.
    pub(super) titles: [&'static str; 4],
}

/// The words of a language.
pub(super) fn of(locale: Locale) -> &'static Words {
    match locale {
        Locale::Ko => &ko::WORDS,
        Locale::En => &en::WORDS,
    }
}

/// A topic's name inside a sentence. Presets go by a Korean name everywhere else, as it's part of the URL.
pub(super) fn topic_name(locale: Locale, topic: &Topic) -> &str {
    if topic.as_str() == DEFAULT_TOPIC {
        return match locale {
            Locale::Ko => "이 주제",
            Locale::En => "this topic",
        };
    }
    match (locale, topic.preset()) {
        (Locale::Ko, _) | (Locale::En, None) => topic.as_str(),
        (Locale::En, Some(Preset::Society)) => "problems of society",
        (Locale::En, Some(Preset::Science)) => "science",
        (Locale::En, Some(Preset::History)) => "history",
        (Locale::En, Some(Preset::Literature)) => "creative writing",
        (Locale::En, Some(Preset::Technology)) => "technology and the future",
        (Locale::En, Some(Preset::Arts)) => "arts and culture",
    }
}
