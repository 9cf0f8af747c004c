//! The turns that run here.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::engine::Slot;
use domain::{ConversationId, TurnId};
use store::{FencingToken, Lease};

/// Every run of this instance, by its turn.
#[derive(Default)]
pub(super) struct Running {
    entries: Mutex<HashMap<TurnId, Entry>>,
    /// What was held without a run when it was last looked.
    unclaimed: Mutex<HashSet<FencingToken>>,
}

struct Entry {
    fencing_token: FencingToken,
    conversation: ConversationId,
    orders: CancelSignals,
    ended: CancellationToken,
    /// The turn that gets this one's slot.
    heir: Option<oneshot::Sender<Slot>>,
}

/// What a run may be told.
#[derive(Debug, Clone, Default)]
pub(super) struct CancelSignals {
    /// The student wants it stopped.
    pub(super) stop: CancellationToken,
    /// The turn isn't this run's any more; whatever it does is in vain.
    pub(super) lost: CancellationToken,
}

impl Running {
    /// Enters a run. An earlier run of the same turn is replaced: it lost the turn, and whoever waits for its end is
    /// woken, because its [`Self::leave`] no longer finds an entry to end.
    pub(super) fn enter(&self, fencing_token: FencingToken, conversation: ConversationId) -> CancelSignals {
        let orders = CancelSignals::default();
        let entry =
            Entry { fencing_token, conversation, orders: orders.clone(), ended: CancellationToken::new(), heir: None };
        let replaced = self.lock().insert(fencing_token.turn, entry);
        if let Some(replaced) = replaced {
            replaced.orders.lost.cancel();
            replaced.ended.cancel();
        }
        orders
    }

    /// Takes a run off the list and wakes who waits for its end.
    pub(super) fn leave(&self, fencing_token: FencingToken) {
        let mut running = self.lock();
        // Another try may have begun since the commit.
        if running.get(&fencing_token.turn).is_some_and(|entry| entry.fencing_token == fencing_token)
            && let Some(entry) = running.remove(&fencing_token.turn)
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

    /// The slot of a turn's run when it ends. `None` if the turn doesn't run here, or if another gets its slot.
    pub(super) fn inherit_slot(&self, turn: TurnId) -> Option<oneshot::Receiver<Slot>> {
        let mut running = self.lock();
        let entry = running.get_mut(&turn)?;
        if entry.heir.as_ref().is_some_and(|heir| !heir.is_closed()) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        entry.heir = Some(sender);
        Some(receiver)
    }

    /// Gives the slot of a run that ends to the turn that takes its place, if there is one, or else back.
    pub(super) fn release_slot(&self, fencing_token: FencingToken, slot: Slot) {
        let heir = self
            .lock()
            .get_mut(&fencing_token.turn)
            .filter(|entry| entry.fencing_token == fencing_token)
            .and_then(|entry| entry.heir.take());
        if let Some(heir) = heir {
            // An heir that gave up leaves the slot to be dropped.
            let _ = heir.send(slot);
        }
    }

    /// Tells the runs of a conversation to stop.
    pub(super) fn stop_in(&self, conversation: ConversationId) {
        for entry in self.lock().values().filter(|entry| entry.conversation == conversation) {
            entry.orders.stop.cancel();
        }
    }

    /// The turn of a conversation that runs here.
    pub(super) fn turn_in(&self, conversation: ConversationId) -> Option<TurnId> {
        self.lock().iter().find_map(|(turn, entry)| (entry.conversation == conversation).then_some(*turn))
    }

    /// Tells a run that its turn isn't its own any more.
    pub(super) fn lose(&self, fencing_token: FencingToken) {
        if let Some(entry) = self.lock().get(&fencing_token.turn).filter(|entry| entry.fencing_token == fencing_token) {
            entry.orders.lost.cancel();
        }
    }

    /// What runs under this lease.
    pub(super) fn under(&self, lease: Lease) -> Vec<FencingToken> {
        self.lock()
            .values()
            .map(|entry| entry.fencing_token)
            .filter(|fencing_token| fencing_token.lease == lease)
            .collect()
    }

    /// Those of what this instance holds that have no run, and had none the last time this was asked either.
    pub(super) fn unclaimed_twice(&self, held: impl Iterator<Item = FencingToken>) -> Vec<FencingToken> {
        let unclaimed: HashSet<FencingToken> = held.filter(|fencing_token| !self.has(fencing_token.turn)).collect();
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{sync::Semaphore, time::Instant};

    use super::*;

    fn fencing_token(turn: TurnId, attempt: u32) -> FencingToken {
        FencingToken { turn, attempt, lease: Lease(1) }
    }

    #[test]
    fn whoever_waits_for_a_run_is_woken_when_a_retry_of_the_turn_replaces_it() {
        let running = Running::default();
        let (turn, conversation) = (TurnId::new(), ConversationId::new());
        let first = running.enter(fencing_token(turn, 1), conversation);
        let ended = running.stop(turn).unwrap();
        let second = running.enter(fencing_token(turn, 2), conversation);
        assert!(ended.is_cancelled());
        assert!(first.lost.is_cancelled());
        // The end of the replaced run leaves the entry of the retry alone.
        running.leave(fencing_token(turn, 1));
        assert!(running.has(turn));
        assert!(!second.stop.is_cancelled() && !second.lost.is_cancelled());
        let ended = running.stop(turn).unwrap();
        running.leave(fencing_token(turn, 2));
        assert!(ended.is_cancelled());
        assert_eq!(running.count(), 0);
    }

    #[test]
    fn the_slot_of_an_ended_run_goes_to_its_heir_and_to_nobody_in_between() {
        let running = Running::default();
        let (turn, conversation) = (TurnId::new(), ConversationId::new());
        running.enter(fencing_token(turn, 1), conversation);
        let slots = Arc::new(Semaphore::new(1));
        let slot = || Slot::new(slots.clone().try_acquire_owned().unwrap(), Instant::now());

        let mut heir = running.inherit_slot(turn).unwrap();
        assert!(running.inherit_slot(turn).is_none(), "a slot has one heir");
        running.release_slot(fencing_token(turn, 1), slot());
        assert_eq!(slots.available_permits(), 0);
        drop(heir.try_recv().unwrap());
        assert_eq!(slots.available_permits(), 1);

        drop(running.inherit_slot(turn).unwrap());
        assert!(running.inherit_slot(turn).is_some(), "an heir that gave up makes way");
        running.release_slot(fencing_token(turn, 1), slot());
        assert_eq!(slots.available_permits(), 1);
    }
}
