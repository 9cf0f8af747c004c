//! Slots: how many turns and stateless calls may run at a time, and when no new one is admitted.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use super::{refusal::AskError, turn_metrics};
use crate::{
    engine::budgets::{Budgets, Payer},
    lifecycle::Lifecycle,
};
use store::now;

/// Admits new work while a slot is free, the budget of its payer lasts and the program isn't shutting down. Clones share the
/// slots.
#[derive(Clone)]
pub(super) struct Admission {
    slots: Arc<Semaphore>,
    max_turns: usize,
    budgets: Budgets,
    lifecycle: Lifecycle,
}

/// The right to run one turn or stateless call. Dropping it frees the slot.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    /// When the request for it arrived.
    pub(super) since: Instant,
}

impl Slot {
    pub(super) const fn new(permit: OwnedSemaphorePermit, since: Instant) -> Self {
        Self { _permit: permit, since }
    }

    /// The same slot for a request that arrived at `since`.
    pub(super) fn asked_at(self, since: Instant) -> Self {
        Self { since, ..self }
    }
}

impl Admission {
    pub(super) fn new(max_turns: usize, budgets: Budgets, lifecycle: Lifecycle) -> Self {
        Self { slots: Arc::new(Semaphore::new(max_turns)), max_turns, budgets, lifecycle }
    }

    /// Acquires a slot for a question of a student. Fails with [`AskError::Draining`], [`AskError::BudgetSpent`] or [`AskError::Full`], and counts
    /// that as a refusal.
    pub(super) fn admit(&self) -> Result<Slot, AskError> {
        self.try_admit(Payer::Students).map_err(turn_metrics::refused)
    }

    /// Acquires a slot for work that `payer` pays for, without counting a refusal.
    pub(super) fn try_admit(&self, payer: Payer) -> Result<Slot, AskError> {
        let since = Instant::now();
        if self.lifecycle.is_draining() {
            return Err(AskError::Draining);
        }
        if let Some(retry_in) = self.budgets.spent(payer, now()) {
            return Err(AskError::BudgetSpent { retry_in });
        }
        let permit = self.slots.clone().try_acquire_owned().map_err(|_| AskError::Full)?;
        Ok(Slot::new(permit, since))
    }

    /// How many slots are in use, and how many there are.
    pub(super) fn usage(&self) -> (usize, usize) {
        (self.max_turns.saturating_sub(self.slots.available_permits()), self.max_turns)
    }
}
