//! What a student may send.

use unicode_normalization::UnicodeNormalization;

use super::visible::{is_edge, is_visible};

/// Most characters a student's message may have.
pub const MESSAGE_MAX_CHARS: usize = 2_000;

/// A student's message: NFC-normalised, trimmed, not empty, at most [`MESSAGE_MAX_CHARS`] characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudentMessage(String);

/// Why a text is no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Nothing that is visible.
    #[error("the message is empty")]
    Empty,
    /// More than [`MESSAGE_MAX_CHARS`] characters.
    #[error("the message has {0} characters, more than {MESSAGE_MAX_CHARS}")]
    TooLong(usize),
}

impl StudentMessage {
    /// Reads a message. Control characters other than line breaks and tabs are dropped.
    ///
    /// # Errors
    /// [`MessageError`] when nothing is left or too much is there.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let text = clean(text, |c| c == '\n' || c == '\t');
        let chars = text.chars().count();
        if chars == 0 {
            Err(MessageError::Empty)
        } else if chars > MESSAGE_MAX_CHARS {
            Err(MessageError::TooLong(chars))
        } else {
            Ok(Self(text))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The message with its personal data covered. Tokens may make it a little longer than [`MESSAGE_MAX_CHARS`].
    #[must_use]
    pub fn with_covered_text(self, text: String) -> Self {
        Self(text)
    }

    /// The text, by value.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

/// NFC, line ends as `\n`, no control characters but those `keep` names, trimmed; empty if nothing of it is visible.
pub fn clean(text: &str, keep: impl Fn(char) -> bool) -> String {
    let text: String =
        text.replace("\r\n", "\n").replace('\r', "\n").nfc().filter(|&c| !c.is_control() || keep(c)).collect();
    match is_visible(&text) {
        true => text.trim_matches(is_edge).to_owned(),
        false => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_trimmed_and_normalised() {
        let message = StudentMessage::parse("  하늘은 왜\u{0} 파래요?\r\n").unwrap();
        assert_eq!(message.as_str(), "하늘은 왜 파래요?");
        // The same syllable written as three jamo.
        assert_eq!(StudentMessage::parse("\u{1112}\u{1161}\u{11ab}").unwrap().as_str(), "한");
    }

    #[test]
    fn nothing_visible_is_no_message() {
        for text in ["", " \n\t ", "\u{200b}", "\u{0}\u{7}", "\u{3164}", "\u{2800}", "\u{fe0f}", "\u{e0041}"] {
            assert_eq!(StudentMessage::parse(text), Err(MessageError::Empty), "{text:?}");
        }
    }

    #[test]
    fn an_emoji_keeps_all_that_belongs_to_it() {
        for emoji in ["❤\u{fe0f}", "👩\u{200d}🔬", "🏴\u{e0067}\u{e0062}\u{e007f}", "1\u{fe0f}\u{20e3}", "🇰🇷"]
        {
            assert_eq!(StudentMessage::parse(&format!("\u{3164} {emoji}\u{200e}\n")).unwrap().as_str(), emoji);
        }
    }

    #[test]
    fn the_limit_counts_characters_not_bytes() {
        assert!(StudentMessage::parse(&"가".repeat(MESSAGE_MAX_CHARS)).is_ok());
        assert_eq!(
            StudentMessage::parse(&"가".repeat(MESSAGE_MAX_CHARS + 1)),
            Err(MessageError::TooLong(MESSAGE_MAX_CHARS + 1))
        );
    }
}
