//! Cancels turns, at whichever instance they run.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{lease_loop::CANCEL_CHANNEL, refusal::AskError, running::RunningTurns};
use crate::redis::Redis;
use domain::{ConversationId, LearnerId, TurnId};
use store::{Store, StoreError};

/// How long the end of a turn at another instance is awaited. The cancel request is stored before.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the database is asked whether that turn has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Cancels turns. Clones share their parts.
#[derive(Clone)]
pub(super) struct TurnCanceller {
    pub(super) store: Store,
    /// Announces cancel requests to other instances.
    pub(super) redis: Option<Redis>,
    pub(super) running: Arc<RunningTurns>,
}

impl TurnCanceller {
    /// Cancels a running turn and waits until that is stored, for a turn at another instance at most
    /// [`CANCEL_TIMEOUT`]. Does nothing if the turn has ended.
    pub(super) async fn cancel(&self, learner: LearnerId, turn: TurnId) -> Result<(), AskError> {
        let stored = self.store.turn(learner, turn).await?.ok_or(AskError::NotFound)?;
        if let Some(ended) = self.running.cancel(turn) {
            ended.cancelled().await;
        } else if stored.state.is_running() && self.store.request_cancel(turn).await? {
            self.announce(turn).await;
            let deadline = Instant::now() + CANCEL_TIMEOUT;
            while Instant::now() < deadline && self.is_running_anywhere(turn).await? {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        }
        Ok(())
    }

    /// Deletes a conversation with everything in it and cancels its turn. `false` if there is none.
    pub(super) async fn delete_conversation(&self, learner: LearnerId, id: ConversationId) -> Result<bool, StoreError> {
        if self.store.conversation(learner, id).await?.is_none() {
            return Ok(false);
        }
        self.running.cancel_in(id);
        let turn = self.store.running_turn(id).await?;
        let deleted = self.store.delete_conversation(learner, id).await?;
        if let Some(turn) = turn {
            self.announce(turn).await;
        }
        Ok(deleted)
    }

    async fn is_running_anywhere(&self, turn: TurnId) -> Result<bool, StoreError> {
        Ok(self.store.turn_statuses(&[turn]).await?.iter().any(|status| status.state.is_running()))
    }

    /// Asks the instance that runs this turn to check it. If the message is lost, its next renewal finds the request.
    async fn announce(&self, turn: TurnId) {
        if let Some(redis) = &self.redis {
            let _ = redis.publish(CANCEL_CHANNEL, &turn.to_string()).await;
        }
    }
}
