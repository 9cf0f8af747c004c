//! What an instance does all the time: it keeps its lease, gives up what isn't its own any more, heeds wishes to stop
//! from other instances, and buries the dead.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{engine::Engine, parts::Parts, tenure::Renewal};
use crate::{engine::budget::day_start, redis::Subscription};
use domain::TurnId;
use domain::turn::Outcome;
use store::Lease;
use store::{DayTokens, RunningTurn, StoreError, now};

/// The channel on which instances are told that a turn should be looked at: its student wants it stopped, or is rid of
/// it.
pub(super) const STOPS: &str = "stops";
/// How soon a renewal that failed is tried again the first time. Each further failure doubles the pause, up to that
/// between two renewals: a full disk is not worth ten tries a second.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// How often the day's tokens are read, of which other instances use some.
const BUDGET_EVERY: Duration = Duration::from_secs(10);

impl Engine {
    /// Keeps the lease and everything that depends on it until the engine has ended.
    pub(super) async fn keep(self) {
        let parts = &self.0.parts;
        let mut beat = interval(self.0.parts.tenure.terms.beat);
        let mut count = interval(BUDGET_EVERY);
        let mut day_tokens = DayTokens::default();
        for interval in [&mut beat, &mut count] {
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let mut wishes = match &parts.shared {
            Some(shared) => Some(shared.subscribe(STOPS).await),
            None => None,
        };
        let mut retry_after = FIRST_RETRY;
        loop {
            let done = tokio::select! {
                () = self.0.gone.cancelled() => return,
                _ = beat.tick() => {
                    if self.beat().await {
                        retry_after = FIRST_RETRY;
                    } else {
                        beat.reset_after(retry_after);
                        retry_after = next_retry(retry_after, parts.tenure.terms.beat);
                    }
                    Ok(())
                }
                _ = count.tick() => self.count_tokens(&mut day_tokens).await,
                turn = next(&mut wishes) => self.heed(&turn).await,
            };
            if let Err(error) = done {
                // The next beat says so, if it's worth saying.
                tracing::debug!(error = &error as &dyn std::error::Error, "the database could not be asked");
            }
        }
    }

    /// Whether the database answered in time.
    async fn beat(&self) -> bool {
        let tenure = &self.0.parts.tenure;
        // A connection may be dead without a word, and no beat may wait for it for longer than others wait for this one.
        let done = timeout(tenure.terms.lifetime, self.renew_and_judge()).await.unwrap_or(Ok(false));
        let failing = !matches!(done, Ok(true));
        let is_news = if failing { tenure.note_failure() } else { tenure.note_answer() };
        metrics::gauge!("lease_held").set(if tenure.lease().is_some() { 1.0 } else { 0.0 });
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
    async fn renew_and_judge(&self) -> Result<bool, StoreError> {
        let Parts { store, tenure, .. } = &self.0.parts;
        match tenure.renew(store).await? {
            Renewal::Late => return Ok(false),
            Renewal::Kept => {}
            Renewal::Replaced { old } => {
                tracing::error!("this instance was thought dead: what it ran is interrupted, and it begins anew");
                self.lose_all(old);
            }
            Renewal::Lost { old } => {
                tracing::error!("another instance serves this database alone; this one takes no questions");
                self.lose_all(old);
            }
        }
        if tenure.may_judge() {
            let interrupted = store.expire_leases().await?;
            if interrupted > 0 {
                metrics::counter!("turns_taken_over_total").increment(interrupted);
                tracing::warn!(
                    turns = interrupted,
                    "an instance died; its turns are interrupted and can be tried again"
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
        let lease = self.0.parts.tenure.last_lease();
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
    /// instance never heard that it was. Only what was so at the beat before, too: others are just beginning.
    async fn interrupt_unclaimed(&self, held: &[RunningTurn]) -> Result<(), StoreError> {
        for fencing_token in self.0.running.unclaimed_twice(held.iter().map(|held| held.fencing_token)) {
            if self.0.parts.store.finish_turn(fencing_token, &Outcome::interrupted(), now()).await? {
                tracing::warn!(turn.id = %fencing_token.turn, "a turn that was stored unheard is interrupted; it can be tried again");
            }
        }
        Ok(())
    }

    /// Somebody, somewhere, wants a turn stopped or has deleted it.
    async fn heed(&self, turn: &str) -> Result<(), StoreError> {
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
async fn next(wishes: &mut Option<Subscription>) -> String {
    match wishes {
        Some(wishes) => wishes.next().await,
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
