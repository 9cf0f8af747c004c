//! A place in a learner's list of conversations.

use std::{fmt, str::FromStr};

use domain::{
    ConversationId,
    conversation::{ConversationSummary, Millis},
};

/// The place behind one conversation in the list: paging goes on there, whatever was added or deleted meanwhile.
/// Clients pass its text back as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(super) active_at: Millis,
    pub(super) id: ConversationId,
}

/// A text that is no [`Cursor`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cursor is not one that was given out here")]
pub struct CursorError;

impl From<&ConversationSummary> for Cursor {
    fn from(last: &ConversationSummary) -> Self {
        Self { active_at: last.active_at, id: last.conversation.id }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.active_at, self.id.0.simple())
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (active_at, id) = text.split_once('_').ok_or(CursorError)?;
        let cursor =
            Self { active_at: active_at.parse().map_err(|_| CursorError)?, id: id.parse().map_err(|_| CursorError)? };
        // Numbers and ids have other spellings, which no cursor of this program uses.
        if cursor.to_string() == text { Ok(cursor) } else { Err(CursorError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_its_text() {
        for active_at in [i64::MIN, -1, 0, 1_700_000_000_000, i64::MAX] {
            let cursor = Cursor { active_at, id: ConversationId::new() };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
    }

    #[test]
    fn any_other_text_is_refused() {
        for text in [
            "",
            "_",
            "1",
            "1_",
            "_018f",
            "x_018f4b1c6c7e7c0a8f3a2b1c0d9e8f70",
            "1_018f4b1c 6c7e",
            "+1_018f4b1c6c7e7c0a8f3a2b1c0d9e8f70",
            "1_018F4B1C6C7E7C0A8F3A2B1C0D9E8F70",
        ] {
            assert_eq!(text.parse::<Cursor>(), Err(CursorError), "{text:?}");
        }
    }
}
