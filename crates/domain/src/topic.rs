//! What a student studies: one of six presets, or a topic of their own.

use std::fmt;

use super::message::clean;

/// Most characters a topic may have.
pub const TOPIC_MAX_CHARS: usize = 100;

/// The topic of a request that names none.
pub const DEFAULT_TOPIC: &str = "일반적인 주제";

/// A topic: NFC-normalised, one line, trimmed, not empty, at most [`TOPIC_MAX_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic(String);

/// Why a text is no topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// Nothing that is visible.
    #[error("the topic is empty")]
    Empty,
    /// More than [`TOPIC_MAX_CHARS`] characters.
    #[error("the topic has {0} characters, more than {TOPIC_MAX_CHARS}")]
    TooLong(usize),
}

impl Topic {
    /// Reads a topic; runs of white space become one space.
    ///
    /// # Errors
    /// [`TopicError`] when nothing is left or too much is there.
    pub fn parse(text: &str) -> Result<Self, TopicError> {
        let text = clean(text, char::is_whitespace).split_whitespace().collect::<Vec<_>>().join(" ");
        let chars = text.chars().count();
        if chars == 0 {
            Err(TopicError::Empty)
        } else if chars > TOPIC_MAX_CHARS {
            Err(TopicError::TooLong(chars))
        } else {
            Ok(Self(text))
        }
    }

    /// The topic as the student reads it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The topic with its personal data covered, cut at [`TOPIC_MAX_CHARS`] if tokens made it longer.
    #[must_use]
    pub fn with_covered_text(self, text: &str) -> Self {
        Self(text.chars().take(TOPIC_MAX_CHARS).collect())
    }

    /// The preset this topic is, if it is one.
    #[must_use]
    pub fn preset(&self) -> Option<Preset> {
        Preset::ALL.into_iter().find(|preset| preset.topic_name() == self.0)
    }
}

impl Default for Topic {
    fn default() -> Self {
        Self(DEFAULT_TOPIC.to_owned())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A topic that comes with its own greeting, guide and starter questions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// 사회 문제해결
    Society,
    /// 과학 탐구
    Science,
    /// 역사 연구
    History,
    /// 문학 창작
    Literature,
    /// 기술과 미래
    Technology,
    /// 예술과 문화
    Arts,
}

impl Preset {
    /// All presets in the order the topic page shows them.
    pub const ALL: [Self; 6] =
        [Self::Society, Self::Science, Self::History, Self::Literature, Self::Technology, Self::Arts];

    /// The name by which clients choose the preset. Always Korean: it's part of the URL.
    #[must_use]
    pub fn topic_name(self) -> &'static str {
        match self {
            Self::Society => "사회 문제해결",
            Self::Science => "과학 탐구",
            Self::History => "역사 연구",
            Self::Literature => "문학 창작",
            Self::Technology => "기술과 미래",
            Self::Arts => "예술과 문화",
        }
    }

    /// The key of the preset's texts in `locales/`.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::Society => "society",
            Self::Science => "science",
            Self::History => "history",
            Self::Literature => "literature",
            Self::Technology => "technology",
            Self::Arts => "arts",
        }
    }

    /// The picture on the preset's card.
    #[must_use]
    pub fn emoji(self) -> &'static str {
        match self {
            Self::Society => "🌍",
            Self::Science => "🔬",
            Self::History => "📜",
            Self::Literature => "✍️",
            Self::Technology => "🚀",
            Self::Arts => "🎨",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_one_trimmed_line() {
        assert_eq!(Topic::parse(" 우리 동네\n 하천 ").unwrap().as_str(), "우리 동네 하천");
        assert_eq!(Topic::parse("  "), Err(TopicError::Empty));
        assert_eq!(Topic::parse("\u{2800}\u{115f} \u{ad}"), Err(TopicError::Empty));
        assert_eq!(Topic::parse(&"가".repeat(101)), Err(TopicError::TooLong(101)));
    }

    #[test]
    fn every_preset_is_found_by_its_name() {
        for preset in Preset::ALL {
            assert_eq!(Topic::parse(preset.topic_name()).unwrap().preset(), Some(preset));
        }
        assert_eq!(Topic::parse("축구").unwrap().preset(), None);
    }
}
