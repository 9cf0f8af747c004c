//! Reads from the database how turns ended that run at other instances and are followed here. Live events announce that
//! at once; this covers an outage of Redis and the death of an instance.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::instance_lease::InstanceLease;
use crate::{
    engine::rendered::RenderedAnswers,
    live::{Key, LiveEvents, Status, StoredAnswer, StoredOutcome},
};
use domain::{
    TurnId,
    turn::{Reason, Turn, TurnState},
};
use store::{Store, StoreError};

/// How often those turns are read, all in one query.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Ends the live events of turns that ended at other instances. Clones share their parts.
#[derive(Clone)]
pub(super) struct RemoteWatcher {
    pub(super) store: Store,
    pub(super) live_events: LiveEvents,
    pub(super) lease: InstanceLease,
    pub(super) rendered: RenderedAnswers,
}

impl RemoteWatcher {
    /// Reads the followed turns at every interval.
    pub(super) async fn run(self) {
        let mut interval = interval(WATCH_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            interval.tick().await;
            let followed = self.live_events.followed_elsewhere();
            if followed.is_empty() {
                continue;
            }
            if let Err(error) = self.conclude_ended(&followed).await {
                // The lease loop logs an outage of the database once.
                tracing::debug!(error = &error as &dyn std::error::Error, "followed turns can't be read");
            }
        }
    }

    /// Announces the outcome of those turns that have ended.
    pub(super) async fn conclude_ended(&self, keys: &[Key]) -> Result<(), StoreError> {
        let turns: Vec<TurnId> = keys.iter().map(|(turn, _)| TurnId(*turn)).collect();
        let turn_statuses = self.store.turn_statuses(&turns).await?;
        self.lease.record_answer();
        for key in keys {
            let status = turn_statuses.iter().find(|status| status.turn.0 == key.0);
            let outcome = match status {
                Some(status) if status.attempt == key.1 && status.state.is_running() => continue,
                Some(status) if status.attempt == key.1 => match self.store.turn_of_anyone(status.turn).await? {
                    Some(turn) => stored_outcome(turn, &self.rendered).await,
                    None => without_answer(TurnState::Cancelled),
                },
                // A later attempt exists; this one is over.
                Some(_) => without_answer(TurnState::Interrupted),
                // Deleted.
                None => without_answer(TurnState::Cancelled),
            };
            self.live_events.conclude(*key, outcome);
        }
        Ok(())
    }
}

async fn stored_outcome(turn: Turn, rendered: &RenderedAnswers) -> StoredOutcome {
    // The turn of an instance that was lost has no stored answer, whatever was shown of it.
    let is_lost = turn.state == TurnState::Interrupted && turn.answer.is_empty();
    let blocks = rendered.blocks(&turn).await.ok().filter(|_| !is_lost);
    let answer = blocks.map(|blocks| StoredAnswer { text: turn.answer, blocks: blocks.to_vec() });
    let feedback = turn.feedback.and_then(|feedback| serde_json::to_string(&feedback).ok()).map(Into::into);
    StoredOutcome { status: Status::new(turn.state.as_str(), turn.reason.map(Reason::as_str)), answer, feedback }
}

fn without_answer(state: TurnState) -> StoredOutcome {
    StoredOutcome { status: Status::new(state.as_str(), None), answer: None, feedback: None }
}
