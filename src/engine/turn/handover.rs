//! A turn whose answer is whole, or failed, makes way for the next question or another try: the notes that are still
//! missing are the coach's then.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{
    AskError,
    engine::{Engine, Following, Slot},
    turn_metrics,
};
use crate::live::Event;
use domain::{
    ConversationId, LearnerId, TurnId,
    turn::{Turn, TurnState},
};
use store::StoreError;

/// How long it is waited for that another instance tells how a turn stands.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// What a turn still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remaining {
    /// Nothing: it has ended.
    Nothing,
    /// Only the feedback: the answer is whole, or failed.
    Feedback { has_failed: bool },
    /// The answer, as far as is known.
    Answer,
}

impl Engine {
    /// The right to begin a turn of a conversation. Where no slot is free, that of the conversation's own turn of which
    /// only the notes are missing.
    pub(super) async fn admit_to(&self, learner: LearnerId, conversation: ConversationId) -> Result<Slot, AskError> {
        let since = Instant::now();
        let refusal = match self.free_slot() {
            Err(AskError::Full) => AskError::Full,
            outcome => return outcome.map_err(turn_metrics::refused),
        };
        let running = &self.0.running;
        let Some(turn) = running.turn_in(conversation) else { return Err(turn_metrics::refused(refusal)) };
        match self.remaining(learner, turn).await? {
            Some(Remaining::Nothing) => self.admit(),
            Some(Remaining::Feedback { .. }) => {
                // The slot goes from one turn to the other, so that nobody else takes it in between.
                let inherited = running.inherit_slot(turn);
                self.cancel(learner, turn).await?;
                match inherited {
                    Some(slot) => slot.await.map_or_else(|_| self.admit(), |slot| Ok(slot.asked_at(since))),
                    None => self.admit(),
                }
            }
            Some(Remaining::Answer) | None => Err(turn_metrics::refused(refusal)),
        }
    }

    /// Accepts a turn. Where a running turn is in the way of which only the notes are missing, ends that and accepts once
    /// more.
    pub(super) async fn accept_after_handover<T, Accepting>(
        &self,
        learner: LearnerId,
        accept: impl Fn() -> Accepting,
        obstacle: impl Fn(&T) -> Option<TurnId>,
    ) -> Result<T, AskError>
    where
        Accepting: Future<Output = Result<T, StoreError>>,
    {
        let accepted = accept().await?;
        match obstacle(&accepted) {
            Some(turn) if self.end_answered(learner, turn).await? => Ok(accept().await?),
            _ => Ok(accepted),
        }
    }

    /// Ends a running turn of which only the notes are missing, wherever it runs. `false` if its answer is still awaited,
    /// or if the instance where it runs can't be asked.
    async fn end_answered(&self, learner: LearnerId, turn: TurnId) -> Result<bool, AskError> {
        let remaining = self.remaining(learner, turn).await?;
        if let Some(Remaining::Feedback { .. }) = remaining {
            self.cancel(learner, turn).await?;
        }
        Ok(!matches!(remaining, Some(Remaining::Answer) | None))
    }

    /// Whether the answer of a running turn failed, so that only its notes are awaited.
    pub(super) async fn has_failed_answer(&self, turn: &Turn) -> Result<bool, AskError> {
        Ok(self.remaining_of(turn.clone()).await? == Remaining::Feedback { has_failed: true })
    }

    /// `None` for a turn that isn't this learner's.
    async fn remaining(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Remaining>, AskError> {
        match self.find_turn(learner, turn).await? {
            Some(turn) => self.remaining_of(turn).await.map(Some),
            None => Ok(None),
        }
    }

    async fn remaining_of(&self, turn: Turn) -> Result<Remaining, AskError> {
        let Following::Live(mut follower) = self.follow(turn).await? else { return Ok(Remaining::Nothing) };
        let events = timeout(STATUS_TIMEOUT, follower.next()).await.ok().flatten().unwrap_or_default();
        Ok(match events.first() {
            Some(Event::Snapshot { status, .. }) if status.is_answered => Remaining::Feedback { has_failed: false },
            Some(Event::Snapshot { status, .. }) if status.state == TurnState::Failed.as_str() => {
                Remaining::Feedback { has_failed: true }
            }
            _ => Remaining::Answer,
        })
    }
}
