//! The turns that run here.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use super::{Hold, Lease};
use crate::domain::{ConversationId, TurnId};

/// Every run of this instance, by its turn.
#[derive(Default)]
pub(super) struct Running {
    entries: Mutex<HashMap<TurnId, Entry>>,
    /// What was held without a run when it was last looked.
    unclaimed: Mutex<HashSet<Hold>>,
}

struct Entry {
    hold: Hold,
    conversation: ConversationId,
    orders: Orders,
    ended: CancellationToken,
}

/// What a run may be told.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders {
    /// The student wants it stopped.
    pub(super) stop: CancellationToken,
    /// The turn isn't this run's any more; whatever it does is in vain.
    pub(super) lost: CancellationToken,
}

impl Running {
    /// Enters a run, in place of an earlier try of the same turn.
    pub(super) fn enter(&self, hold: Hold, conversation: ConversationId) -> Orders {
        let orders = Orders::default();
        let entry = Entry { hold, conversation, orders: orders.clone(), ended: CancellationToken::new() };
        self.lock().insert(hold.turn, entry);
        orders
    }

    /// Takes a run off the list and wakes who waits for its end.
    pub(super) fn leave(&self, hold: Hold) {
        let mut running = self.lock();
        // Another try may have begun since the commit.
        if running.get(&hold.turn).is_some_and(|entry| entry.hold == hold)
            && let Some(entry) = running.remove(&hold.turn)
        {
            entry.ended.cancel();
        }
    }

    /// Tells a turn's run to stop; what comes back is cancelled when it has ended. `None` if the turn doesn't run here.
    pub(super) fn stop(&self, turn: TurnId) -> Option<CancellationToken> {
        let running = self.lock();
        let entry = running.get(&turn)?;
        entry.orders.stop.cancel();
        Some(entry.ended.clone())
    }

    /// Tells the runs of a conversation to stop.
    pub(super) fn stop_in(&self, conversation: ConversationId) {
        for entry in self.lock().values().filter(|entry| entry.conversation == conversation) {
            entry.orders.stop.cancel();
        }
    }

    /// Tells a run that its turn isn't its own any more.
    pub(super) fn lose(&self, hold: Hold) {
        if let Some(entry) = self.lock().get(&hold.turn).filter(|entry| entry.hold == hold) {
            entry.orders.lost.cancel();
        }
    }

    /// What runs under this lease.
    pub(super) fn under(&self, lease: Lease) -> Vec<Hold> {
        self.lock().values().map(|entry| entry.hold).filter(|hold| hold.lease == lease).collect()
    }

    /// Those of what this instance holds that have no run, and had none the last time this was asked either.
    pub(super) fn unclaimed_twice(&self, held: impl Iterator<Item = Hold>) -> Vec<Hold> {
        let unclaimed: HashSet<Hold> = held.filter(|hold| !self.has(hold.turn)).collect();
        let mut before = self.unclaimed.lock().unwrap_or_else(PoisonError::into_inner);
        let twice = before.intersection(&unclaimed).copied().collect();
        *before = unclaimed;
        twice
    }

    pub(super) fn has(&self, turn: TurnId) -> bool {
        self.lock().contains_key(&turn)
    }

    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TurnId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
