//! Stores how a turn ended.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tracing::Span;

use super::instance_lease::InstanceLease;
use crate::lifecycle::{Lifecycle, Phase};
use domain::{
    TurnId,
    turn::{Outcome, TurnState, Usage},
};
use logging::RepeatedLine;
use store::{FencingToken, Store, StoreError, now};

/// Stores the outcomes of turns.
#[derive(Clone)]
pub(super) struct OutcomeWriter {
    pub(super) store: Store,
    pub(super) lease: InstanceLease,
    pub(super) lifecycle: Lifecycle,
}

impl OutcomeWriter {
    /// Stores an outcome. Repeats that until it succeeds or [`Phase::Stopping`] begins, so that a short outage of the
    /// database loses no finished answer. Returns whether it is stored.
    pub(super) async fn write(&self, fencing_token: FencingToken, outcome: &Outcome) -> bool {
        let backoff = ExponentialBuilder::default()
            .with_jitter()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(Duration::from_secs(5))
            .without_max_times();
        let store = || async {
            match self.store.finish_turn(fencing_token, outcome, now()).await? {
                true => Ok(true),
                false => was_stored(&self.store, fencing_token, outcome).await,
            }
        };
        let stored = store
            .retry(backoff)
            .when(|_| !self.lifecycle.has_reached(Phase::Stopping))
            .notify(|error, _| {
                static LINE: RepeatedLine = RepeatedLine::new();
                if let Some(left_out) = LINE.due() {
                    let error = error as &dyn std::error::Error;
                    tracing::error!(error, left_out, "an outcome could not be stored; trying again");
                }
            })
            .await;
        match stored {
            Ok(true) => {
                // The span notes failed tries as errors; this overrides them.
                Span::current().record("otel.status_code", "OK");
                self.lease.record_answer();
                true
            }
            Ok(false) => {
                tracing::info!("a turn was deleted or taken over while it ran");
                self.add_usage(fencing_token.turn, &outcome.usage).await;
                false
            }
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "an outcome was lost: the program ended while the store was away"
                );
                false
            }
        }
    }

    /// Stores the token usage of a turn that was deleted or lost.
    async fn add_usage(&self, turn: TurnId, usage: &[Usage]) {
        for usage in usage {
            if let Err(error) = self.store.add_usage(Some(turn), usage, now()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the token usage of a turn was not stored");
            }
        }
    }
}

/// Whether an earlier try stored the outcome and only the reply was lost with the connection. Other instances end a turn
/// only as interrupted, so any other state is of this run.
async fn was_stored(store: &Store, fencing_token: FencingToken, outcome: &Outcome) -> Result<bool, StoreError> {
    let turn_statuses = store.turn_statuses(&[fencing_token.turn]).await?;
    Ok(outcome.state != TurnState::Interrupted
        && turn_statuses.iter().any(|status| (status.attempt, status.state) == (fencing_token.attempt, outcome.state)))
}
