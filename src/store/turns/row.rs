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
        reason: row
            .reason
            .map(|word| Reason::from_word(&word).ok_or_else(|| StoreError::unreadable("turns.reason")))
            .transpose()?,
        attempt: row.attempt.try_into().map_err(|_| StoreError::unreadable("turns.attempt"))?,
        answer: row.answer,
        feedback: feedback
            .map(|feedback| serde_json::from_str(&feedback.body))
            .transpose()
            .map_err(|error| StoreError::Corrupt(error.into()))?,
        created_at: row.created_at,
    })
}
