//! Between a row and a turn.

use crate::{
    domain::{
        ConversationId, TurnId,
        turn::{Reason, Turn, TurnState},
    },
    store::{
        StoreError,
        entity::{feedback, turns},
    },
};

pub(super) fn to_turn((row, feedback): (turns::Model, Option<feedback::Model>)) -> Result<Turn, StoreError> {
    Ok(Turn {
        id: TurnId(row.id),
        conversation: ConversationId(row.conversation_id),
        seq: row.seq.try_into().map_err(|_| StoreError::unreadable("turns.seq"))?,
        message: row.message,
        state: TurnState::from_word(&row.state).ok_or_else(|| StoreError::unreadable("turns.state"))?,
        reason: row.reason.map(|word| to_reason(&word, &row.answer)).transpose()?,
        attempt: row.attempt.try_into().map_err(|_| StoreError::unreadable("turns.attempt"))?,
        answer: row.answer,
        feedback: feedback
            .map(|feedback| serde_json::from_str(&feedback.body))
            .transpose()
            .map_err(|error| StoreError::Corrupt(error.into()))?,
        created_at: row.created_at,
    })
}

/// The version before has one word for an answer that broke off and one that never began; the answer tells them apart.
/// This version reads the new word, too, so that the next one may write it.
fn to_reason(word: &str, answer: &str) -> Result<Reason, StoreError> {
    match Reason::from_word(word) {
        Some(Reason::Broken) if answer.is_empty() => Ok(Reason::Unavailable),
        Some(reason) => Ok(reason),
        None => Err(StoreError::unreadable("turns.reason")),
    }
}

/// See [`to_reason`].
pub(super) fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Unavailable => Reason::Broken.as_str(),
        reason => reason.as_str(),
    }
}
