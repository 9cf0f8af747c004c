//! The loop that every instance runs: it renews the lease of this instance, stops runs whose turn was taken away, handles
//! cancel requests of other instances, and expires the leases of instances that stopped renewing.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{engine::Engine, instance_lease::Renewal, parts::Parts};
use crate::{engine::budget::day_start, redis::Subscription};
use domain::TurnId;
use domain::turn::Outcome;
use store::Lease;
use store::{DayTokens, RunningTurn, StoreError, now};

/// The channel for cancel requests: a turn was cancelled or deleted at another instance.
pub(super) const CANCEL_CHANNEL: &str = "stops";
/// How soon a renewal that failed is tried again the first time. Each further failure doubles the pause, up to that
/// between two renewals: a full disk is not worth ten tries a second.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// How often the day's tokens are read, of which other instances use some.
const BUDGET_EVERY: Duration = Duration::from_secs(10);

impl Engine {
    /// Renews the lease and updates everything that depends on it until the engine has ended.
    pub(super) async fn run_lease_loop(self) {
        let parts = &self.0.parts;
        let mut renewal = interval(self.0.parts.instance_lease.config.renewal_interval);
        let mut count = interval(BUDGET_EVERY);
        let mut day_tokens = DayTokens::default();
        for interval in [&mut renewal, &mut count] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut cancel_requests = match &parts.shared {
            Some(shared) => Some(shared.subscribe(CANCEL_CHANNEL).await),
            None => None,
        };
        let mut retry_after = FIRST_RETRY;
        loop {
            let done = tokio::select! {
                () = self.0.gone.cancelled() => return,
                _ = renewal.tick() => {
                    if self.renew_lease().await {
                        retry_after = FIRST_RETRY;
                    } else {
                        renewal.reset_after(retry_after);
                        retry_after = next_retry(retry_after, parts.instance_lease.config.renewal_interval);
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
        let instance_lease = &self.0.parts.instance_lease;
        // A dead connection gives no error. A renewal that waits for it must end before others expire this lease.
        let done = timeout(instance_lease.config.lifetime, self.renew_and_expire_others()).await.unwrap_or(Ok(false));
        let failing = !matches!(done, Ok(true));
        let is_news = if failing { instance_lease.record_failure() } else { instance_lease.record_answer() };
        metrics::gauge!("lease_held").set(if instance_lease.lease().is_some() { 1.0 } else { 0.0 });
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
        let Parts { store, instance_lease, .. } = &self.0.parts;
        match instance_lease.renew(store).await? {
            Renewal::Late => return Ok(false),
            Renewal::Renewed => {}
            Renewal::Replaced { old } => {
                tracing::error!(
                    "the lease of this instance expired: its turns are interrupted, and it takes a new lease"
                );
                self.lose_all(old);
            }
            Renewal::Lost { old } => {
                tracing::error!("another instance serves this database alone; this one takes no questions");
                self.lose_all(old);
            }
        }
        if instance_lease.may_expire_others() {
            let interrupted = store.expire_leases().await?;
            if interrupted > 0 {
                metrics::counter!("turns_taken_over_total").increment(interrupted);
                tracing::warn!(
                    turns = interrupted,
                    "the lease of another instance expired; its turns are interrupted and can be tried again"
                );
            }
        }
        let held = self.reconcile().await?;
        self.interrupt_unclaimed(&held).await?;
        Ok(true)
    }

    fn lose_all(&self, lease: Lease) {
        for fencing_token in self.0.running.under(lease) {
            self.0.running.lose(fencing_token);
        }
    }

    /// Brings what runs here in line with the database; what it has under this lease.
    async fn reconcile(&self) -> Result<Vec<RunningTurn>, StoreError> {
        let lease = self.0.parts.instance_lease.last_lease();
        // Before the database is asked: what begins in between is left alone.
        let ours = self.0.running.under(lease);
        let held = self.0.parts.store.running_turns(lease).await?;
        for fencing_token in ours {
            match held.iter().find(|held| held.fencing_token == fencing_token) {
                // Deleted, taken away, or just finished, which is no harm.
                None => self.0.running.lose(fencing_token),
                Some(held) if held.is_cancel_requested => drop(self.0.running.stop(fencing_token.turn)),
                Some(_) => {}
            }
        }
        Ok(held)
    }

    /// Interrupts what this lease holds and nobody runs: the connection broke when the question was committed, and this
    /// instance never heard that it was. Only turns that had no run at the renewal before, too: others are just starting.
    async fn interrupt_unclaimed(&self, held: &[RunningTurn]) -> Result<(), StoreError> {
        for fencing_token in self.0.running.unclaimed_twice(held.iter().map(|held| held.fencing_token)) {
            if self.0.parts.store.finish_turn(fencing_token, &Outcome::interrupted(), now()).await? {
                tracing::warn!(turn.id = %fencing_token.turn, "a turn that was stored unheard is interrupted; it can be tried again");
            }
        }
        Ok(())
    }

    /// Somebody, somewhere, wants a turn stopped or has deleted it.
    async fn handle_cancel(&self, turn: &str) -> Result<(), StoreError> {
        match turn.parse().map(TurnId) {
            Ok(turn) if self.0.running.has(turn) => self.reconcile().await.map(drop),
            _ => Ok(()),
        }
    }

    async fn count_tokens(&self, day_tokens: &mut DayTokens) -> Result<(), StoreError> {
        let Parts { store, budget, .. } = &self.0.parts;
        if budget.is_limited() {
            let now = now();
            budget.at_least(now, day_tokens.read(store, day_start(now), now).await?);
        }
        Ok(())
    }
}

/// The pause before the next try to renew the lease, after one of `last`.
fn next_retry(last: Duration, renewal_interval: Duration) -> Duration {
    (last * 2).min(renewal_interval.max(last))
}

/// The next wish. Cancel-safe.
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
