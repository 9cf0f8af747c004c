//! Stopping turns, wherever they run.

use std::time::Duration;

use tokio::time::Instant;

use super::{AskError, engine::Engine, lease_loop::CANCEL_CHANNEL};
use domain::{ConversationId, LearnerId, TurnId};
use store::StoreError;

/// How long a wish to stop a turn of another instance is waited for. It's noted for good before.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often it's looked whether the turn has stopped.
const STOP_LOOK: Duration = Duration::from_millis(50);

impl Engine {
    /// Stops a running turn, wherever it runs, and waits until that is stored; at another instance at most a few
    /// seconds. Stopping a turn that has ended changes nothing.
    ///
    /// # Errors
    /// [`AskError::NotFound`] for a turn that isn't this learner's, [`AskError::Store`] when the store fails.
    pub async fn cancel(&self, learner: LearnerId, turn: TurnId) -> Result<(), AskError> {
        let store = &self.0.parts.store;
        let stored = store.turn(learner, turn).await?.ok_or(AskError::NotFound)?;
        if let Some(ended) = self.0.running.stop(turn) {
            ended.cancelled().await;
        } else if stored.state.is_running() && store.request_cancel(turn).await? {
            self.tell_others(turn).await;
            let deadline = Instant::now() + STOP_PATIENCE;
            while Instant::now() < deadline && self.is_running_somewhere(turn).await? {
                tokio::time::sleep(STOP_LOOK).await;
            }
        }
        Ok(())
    }

    async fn is_running_somewhere(&self, turn: TurnId) -> Result<bool, StoreError> {
        Ok(self.0.parts.store.turn_statuses(&[turn]).await?.iter().any(|status| status.state.is_running()))
    }

    /// Asks the instance that runs this turn to check it. A lost message is made up for by its next renewal.
    async fn tell_others(&self, turn: TurnId) {
        if let Some(shared) = &self.0.parts.shared {
            let _ = shared.publish(CANCEL_CHANNEL, &turn.to_string()).await;
        }
    }

    /// Stops what runs in a conversation and deletes it with everything in it. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn delete_conversation(&self, learner: LearnerId, id: ConversationId) -> Result<bool, StoreError> {
        let store = &self.0.parts.store;
        if store.conversation(learner, id).await?.is_none() {
            return Ok(false);
        }
        self.0.running.stop_in(id);
        let running = store.running_turn(id).await?;
        let deleted = store.delete_conversation(learner, id).await?;
        if let Some(turn) = running {
            self.tell_others(turn).await;
        }
        Ok(deleted)
    }
}
