//! Finds turns and follows them, at whichever instance they run.

use std::{sync::Arc, time::Duration};

use tokio::time::timeout;

use super::{refusal::AskError, remote_watcher::RemoteWatcher, running::RunningTurns};
use crate::{
    lifecycle::Lifecycle,
    live::{Event, Follower, LiveEvents, Status},
};
use domain::{
    LearnerId, TurnId,
    turn::{Turn, TurnState},
};
use store::{Store, StoreError};

/// How long the first event of a turn at another instance is awaited.
const STATUS_TIMEOUT: Duration = Duration::from_secs(1);

/// A turn that was found to be followed.
pub enum FoundTurn {
    /// It runs here.
    Here(Follower),
    /// It was read from the store.
    Stored(Box<Turn>),
}

/// A turn to follow.
pub enum Following {
    /// It runs, here or elsewhere.
    Live(Follower),
    /// It has ended, and this is what is stored.
    Stored(Box<Turn>),
}

/// What a turn still waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remaining {
    /// Nothing: it has ended.
    Nothing,
    /// Only the feedback: the answer is complete, or failed.
    Feedback { has_failed: bool },
    /// The answer, as far as is known.
    Answer,
}

/// Finds and follows turns. Clones share their parts.
#[derive(Clone)]
pub(super) struct TurnReader {
    pub(super) store: Store,
    pub(super) live_events: LiveEvents,
    pub(super) running: Arc<RunningTurns>,
    pub(super) watcher: RemoteWatcher,
    pub(super) lifecycle: Lifecycle,
}

impl TurnReader {
    pub(super) async fn find(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Turn>, StoreError> {
        self.store.turn(learner, turn).await
    }

    /// Finds a learner's turn. One that runs here needs no query.
    pub(super) async fn find_to_follow(
        &self,
        learner: LearnerId,
        turn: TurnId,
    ) -> Result<Option<FoundTurn>, StoreError> {
        let attempt = self.running.attempt_of(learner, turn);
        if let Some(follower) = attempt.and_then(|attempt| self.live_events.follow((turn.0, attempt))) {
            return Ok(Some(FoundTurn::Here(follower)));
        }
        Ok(self.find(learner, turn).await?.map(|turn| FoundTurn::Stored(Box::new(turn))))
    }

    pub(super) async fn follow(&self, stored: Turn) -> Result<Following, AskError> {
        if !stored.state.is_running() {
            return Ok(Following::Stored(Box::new(stored)));
        }
        let key = (stored.id.0, stored.attempt);
        if let Some(follower) = self.live_events.follow(key) {
            return Ok(Following::Live(follower));
        }
        if self.lifecycle.is_draining() {
            return Err(AskError::Draining);
        }
        let follower = self.live_events.follow_elsewhere(key, Status::new(stored.state.as_str(), None));
        // It may have ended since it was read.
        self.watcher.conclude_ended(&[key]).await?;
        Ok(Following::Live(follower))
    }

    /// What a turn still waits for; `None` for a turn that isn't this learner's.
    pub(super) async fn remaining(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Remaining>, AskError> {
        match self.find(learner, turn).await? {
            Some(turn) => self.remaining_of(turn).await.map(Some),
            None => Ok(None),
        }
    }

    pub(super) async fn remaining_of(&self, turn: Turn) -> Result<Remaining, AskError> {
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
