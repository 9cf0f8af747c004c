//! A turn whose answer is whole makes way for the next question: the notes that are still missing are the coach's then.

use std::time::Duration;

use tokio::time::timeout;

use super::{
    AskError,
    engine::{Engine, Following, Slot},
    figures,
};
use crate::live::Event;
use domain::{ConversationId, LearnerId, TurnId};

/// How long it is waited for that another instance tells how a turn stands.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

impl Engine {
    /// The right to begin a turn of a conversation. Where no slot is free, that of the conversation's own turn of which
    /// only the notes are missing.
    pub(super) async fn admit_to(&self, learner: LearnerId, conversation: ConversationId) -> Result<Slot, AskError> {
        let refusal = match self.free_slot() {
            Err(AskError::Full) => AskError::Full,
            outcome => return outcome.map_err(figures::refused),
        };
        match self.0.running.turn_in(conversation) {
            Some(turn) if self.end_answered(learner, turn).await? => self.admit(),
            _ => Err(figures::refused(refusal)),
        }
    }

    /// Ends a running turn of which only the notes are missing, wherever it runs. `false` if its answer isn't whole, or
    /// if the instance where it runs can't be asked.
    pub(super) async fn end_answered(&self, learner: LearnerId, turn: TurnId) -> Result<bool, AskError> {
        let mut follower = match self.follow(learner, turn).await? {
            Some(Following::Live(follower)) => follower,
            Some(Following::Stored(_)) => return Ok(true),
            None => return Ok(false),
        };
        let events = timeout(STATUS_TIMEOUT, follower.next()).await.ok().flatten().unwrap_or_default();
        let is_answered = matches!(events.first(), Some(Event::Snapshot { status, .. }) if status.is_answered);
        if is_answered {
            self.cancel(learner, turn).await?;
        }
        Ok(is_answered)
    }
}
