//! Between a row and a turn.

use sea_orm::{DbErr, FromQueryResult, QueryResult};
use uuid::Uuid;

use crate::{StoreError, entity::turns};
use domain::{
    ConversationId, Feedback, TurnId,
    turn::{Reason, Turn, TurnState},
};

/// The feedback beside a turn, as far as it can be read.
#[derive(Debug, Clone)]
pub(super) struct FeedbackRow {
    /// `None` if the stored value is no text.
    body: Option<String>,
}

impl FromQueryResult for FeedbackRow {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        row.try_get::<Uuid>(prefix, "turn_id")?;
        Ok(Self { body: row.try_get(prefix, "body").ok() })
    }
}

/// A turn with the feedback beside it.
pub(super) type Row = (turns::Model, Option<FeedbackRow>);

pub(super) fn to_turn((row, feedback): Row) -> Result<Turn, StoreError> {
    let id = TurnId(row.id);
    Ok(Turn {
        id,
        conversation: ConversationId(row.conversation_id),
        seq: row.seq.try_into().map_err(|_| StoreError::unreadable("turns.seq"))?,
        message: row.message,
        state: TurnState::from_word(&row.state).ok_or_else(|| StoreError::unreadable("turns.state"))?,
        reason: row.reason.map(|word| to_reason(&word, &row.answer, row.stop_wanted)).transpose()?,
        attempt: row.attempt.try_into().map_err(|_| StoreError::unreadable("turns.attempt"))?,
        answer: row.answer,
        feedback: feedback.and_then(|feedback| read_feedback(id, &feedback)),
        created_at: row.created_at,
    })
}

/// Damaged feedback counts as missing: the question and its answer are worth more than the notes on them.
fn read_feedback(turn: TurnId, row: &FeedbackRow) -> Option<Feedback> {
    let feedback = row.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
    if feedback.is_none() {
        // The parser's message may contain a student's words.
        tracing::warn!(turn.id = %turn, "the stored feedback of a turn can't be read; it counts as missing");
    }
    feedback
}

/// The version before has one word for an answer that broke off and one that never began, and one for an answer that was
/// cut at its length limit and one that was used up by thoughts; the answer tells them apart.
/// It has no word for a question that is too long either: that is a length limit on a turn whose stop is noted, which
/// means nothing else once a turn has failed.
/// This version reads the new words, too, so that the next one may write them.
fn to_reason(word: &str, answer: &str, stop_wanted: bool) -> Result<Reason, StoreError> {
    match Reason::from_word(word) {
        Some(Reason::Length) if stop_wanted => Ok(Reason::TooLong),
        Some(Reason::Broken) if answer.is_empty() => Ok(Reason::Unavailable),
        Some(Reason::Length) if answer.is_empty() => Ok(Reason::NoAnswer),
        Some(reason) => Ok(reason),
        None => Err(StoreError::unreadable("turns.reason")),
    }
}

/// See [`to_reason`].
pub(super) fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Unavailable => Reason::Broken.as_str(),
        Reason::NoAnswer => Reason::Length.as_str(),
        Reason::TooLong => Reason::Length.as_str(),
        reason => reason.as_str(),
    }
}
