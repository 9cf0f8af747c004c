//! A turn that only waits for its feedback ends early for the next question or a retry; the coach then writes its
//! feedback.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    admission::{Admission, Slot},
    cancel::TurnCanceller,
    reader::{Remaining, TurnReader},
    refusal::AskError,
    running::RunningTurns,
    turn_metrics,
};
use crate::engine::budgets::Payer;
use domain::{ConversationId, LearnerId, TurnId};
use store::StoreError;

/// Ends turns that only wait for their feedback where another turn needs their slot or their conversation.
#[derive(Clone)]
pub(super) struct Handover {
    pub(super) admission: Admission,
    pub(super) running: Arc<RunningTurns>,
    pub(super) reader: TurnReader,
    pub(super) canceller: TurnCanceller,
}

impl Handover {
    /// Acquires a slot for a turn of a conversation. If none is free, the conversation's own turn hands over its slot if
    /// it only waits for its feedback.
    pub(super) async fn admit_to(&self, learner: LearnerId, conversation: ConversationId) -> Result<Slot, AskError> {
        let since = Instant::now();
        let refusal = match self.admission.try_admit(Payer::Students) {
            Err(AskError::Full) => AskError::Full,
            outcome => return outcome.map_err(turn_metrics::refused),
        };
        let Some(turn) = self.running.turn_in(conversation) else { return Err(turn_metrics::refused(refusal)) };
        match self.reader.remaining(learner, turn).await? {
            Some(Remaining::Nothing) => self.admission.admit(),
            Some(Remaining::Feedback { .. }) => {
                // The slot passes from one turn to the other, so that no third turn gets it in between.
                let inherited = self.running.inherit_slot(turn);
                self.canceller.cancel(learner, turn).await?;
                match inherited {
                    Some(slot) => slot.await.map_or_else(|_| self.admission.admit(), |slot| Ok(slot.asked_at(since))),
                    None => self.admission.admit(),
                }
            }
            Some(Remaining::Answer) | None => Err(turn_metrics::refused(refusal)),
        }
    }

    /// Accepts a turn. If `obstacle` names a running turn that only waits for its feedback, ends that turn and accepts
    /// once more.
    pub(super) async fn accept<T, Accepting>(
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

    /// Ends a running turn that only waits for its feedback, at whichever instance it runs. `false` if its answer is still
    /// awaited, or if its instance can't be asked.
    async fn end_answered(&self, learner: LearnerId, turn: TurnId) -> Result<bool, AskError> {
        let remaining = self.reader.remaining(learner, turn).await?;
        if let Some(Remaining::Feedback { .. }) = remaining {
            self.canceller.cancel(learner, turn).await?;
        }
        Ok(!matches!(remaining, Some(Remaining::Answer) | None))
    }
}
