//! The loop that every instance runs: it renews the lease of this instance, stops runs that lost their turn, handles
//! cancel requests of other instances, and expires the leases of instances that stopped renewing.

use std::{sync::Arc, time::Duration};

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{
    instance_lease::{InstanceLease, Renewal},
    running::RunningTurns,
};
use crate::{
    engine::{budget::day_start, budgets::Budgets},
    lifecycle::{Lifecycle, Phase},
    redis::{Redis, Subscription},
};
use domain::{TurnId, turn::Outcome};
use store::{DayTokens, Lease, RunningTurn, Store, StoreError, UsageAccount, now};

/// The channel for cancel requests: a turn was cancelled or deleted at another instance.
pub(super) const CANCEL_CHANNEL: &str = "stops";
/// The pause before a failed renewal is repeated for the first time. Each further failure doubles it, up to the renewal
/// interval: a full disk is not worth ten tries a second.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// How often the day's tokens of all instances are read.
const BUDGET_EVERY: Duration = Duration::from_secs(10);

/// Renews the lease and updates everything that depends on it.
pub(super) struct LeaseLoop {
    pub(super) store: Store,
    /// Where cancel requests arrive, if instances share Redis.
    pub(super) redis: Option<Redis>,
    pub(super) lease: InstanceLease,
    pub(super) running: Arc<RunningTurns>,
    pub(super) budgets: Budgets,
    pub(super) lifecycle: Lifecycle,
}

impl LeaseLoop {
    /// Runs until [`Phase::Stopped`]. Ends between two steps, so that a renewal never overtakes the lease's release.
    pub(super) async fn run(self) {
        let stopped = self.lifecycle.reached(Phase::Stopped);
        tokio::pin!(stopped);
        let renewal_interval = self.lease.config().renewal_interval;
        let mut renewal = interval(renewal_interval);
        let mut count = interval(BUDGET_EVERY);
        let mut day_tokens = [UsageAccount::Students, UsageAccount::Stateless].map(DayTokens::of);
        for interval in [&mut renewal, &mut count] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut cancel_requests = match &self.redis {
            Some(redis) => Some(redis.subscribe(CANCEL_CHANNEL).await),
            None => None,
        };
        let mut retry_after = FIRST_RETRY;
        loop {
            let done = tokio::select! {
                () = &mut stopped => return,
                _ = renewal.tick() => {
                    if self.renew_lease().await {
                        retry_after = FIRST_RETRY;
                    } else {
                        renewal.reset_after(retry_after);
                        retry_after = next_retry(retry_after, renewal_interval);
                    }
                    Ok(())
                }
                _ = count.tick() => self.count_tokens(&mut day_tokens).await,
                turn = next(&mut cancel_requests) => self.handle_cancel(&turn).await,
            };
            if let Err(error) = done {
                // The next renewal logs a failure that lasts.
                tracing::debug!(error = &error as &dyn std::error::Error, "the database could not be asked");
            }
        }
    }

    /// Renews the lease and expires others; `true` if the database answered in time.
    async fn renew_lease(&self) -> bool {
        let lease = &self.lease;
        // A dead connection gives no error. A renewal that waits for it must end before others expire this lease.
        let done = timeout(lease.config().lifetime, self.renew_and_expire_others()).await.unwrap_or(Ok(false));
        let failing = !matches!(done, Ok(true));
        let is_news = if failing { lease.record_failure() } else { lease.record_answer() };
        metrics::gauge!("lease_held").set(if lease.lease().is_some() { 1.0 } else { 0.0 });
        match done {
            Ok(false) if is_news => tracing::error!("the database is too slow; finished answers wait for it"),
            Err(error) if is_news => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "the database is away; finished answers wait for it");
            }
            _ => {}
        }
        !failing
    }

    /// `false` if the database didn't answer in time.
    async fn renew_and_expire_others(&self) -> Result<bool, StoreError> {
        match self.lease.renew().await? {
            Renewal::Late => return Ok(false),
            Renewal::Renewed => {}
            Renewal::Replaced { old } => {
                tracing::error!(
                    "the lease of this instance expired: its turns are interrupted, and it takes a new lease"
                );
                self.mark_runs_lost(old);
            }
            Renewal::Lost { old } => {
                tracing::error!("another instance serves this database alone; this one takes no questions");
                self.mark_runs_lost(old);
            }
        }
        if self.lease.may_expire_others() {
            let interrupted = self.store.expire_leases().await?;
            if interrupted > 0 {
                metrics::counter!("turns_taken_over_total").increment(interrupted);
                tracing::warn!(
                    turns = interrupted,
                    "the lease of another instance expired; its turns are interrupted and can be tried again"
                );
            }
        }
        let held = self.reconcile().await?;
        self.interrupt_orphaned(&held).await?;
        Ok(true)
    }

    fn mark_runs_lost(&self, lease: Lease) {
        for fencing_token in self.running.under(lease) {
            self.running.mark_lost(fencing_token);
        }
    }

    /// Stops the runs that the database says are lost or cancelled. Returns the turns that it has under this lease.
    async fn reconcile(&self) -> Result<Vec<RunningTurn>, StoreError> {
        let lease = self.lease.last_lease();
        // Listed before the database is asked, so that a turn which begins in between isn't stopped.
        let ours = self.running.under(lease);
        let held = self.store.running_turns(lease).await?;
        for fencing_token in ours {
            match held.iter().find(|held| held.fencing_token == fencing_token) {
                // Deleted, expired by another instance, or just finished, where this has no effect.
                None => self.running.mark_lost(fencing_token),
                Some(held) if held.is_cancel_requested => drop(self.running.cancel(fencing_token.turn)),
                Some(_) => {}
            }
        }
        Ok(held)
    }

    /// Interrupts turns of this lease that have no run: the connection broke while the question was committed, so this
    /// instance doesn't know that it was. A turn must also have had no run at the previous renewal; others are starting.
    async fn interrupt_orphaned(&self, held: &[RunningTurn]) -> Result<(), StoreError> {
        for fencing_token in self.running.find_orphaned(held.iter().map(|held| held.fencing_token)) {
            if self.store.finish_turn(fencing_token, &Outcome::interrupted(), now()).await? {
                tracing::warn!(turn.id = %fencing_token.turn, "a turn was stored without confirmation and is interrupted; it can be tried again");
            }
        }
        Ok(())
    }

    /// Handles a message that a turn was cancelled or deleted at another instance.
    async fn handle_cancel(&self, turn: &str) -> Result<(), StoreError> {
        match turn.parse().map(TurnId) {
            Ok(turn) if self.running.has(turn) => self.reconcile().await.map(drop),
            _ => Ok(()),
        }
    }

    async fn count_tokens(&self, day_tokens: &mut [DayTokens; 2]) -> Result<(), StoreError> {
        let budgets = [&self.budgets.students, &self.budgets.stateless];
        for (budget, tokens) in budgets.into_iter().zip(day_tokens) {
            if budget.is_limited() {
                let now = now();
                budget.raise_to(now, tokens.read(&self.store, day_start(now), now).await?);
            }
        }
        Ok(())
    }
}

/// The pause before the next try to renew the lease, after one of `last`.
fn next_retry(last: Duration, renewal_interval: Duration) -> Duration {
    (last * 2).min(renewal_interval.max(last))
}

/// The next cancel request. Cancel-safe.
async fn next(cancel_requests: &mut Option<Subscription>) -> String {
    match cancel_requests {
        Some(cancel_requests) => cancel_requests.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_that_keep_failing_are_tried_as_rarely_as_ones_that_succeed() {
        let interval = Duration::from_secs(2);
        let pauses: Vec<u128> = std::iter::successors(Some(FIRST_RETRY), |last| Some(next_retry(*last, interval)))
            .take(7)
            .map(|p| p.as_millis())
            .collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(next_retry(FIRST_RETRY, Duration::from_millis(50)), FIRST_RETRY);
    }
}
