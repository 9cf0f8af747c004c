//! The turns that run here.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::admission::Slot;
use domain::{Conversation, ConversationId, LearnerId, TurnId};
use store::{FencingToken, Lease};

/// Every run of this instance, by its turn.
#[derive(Default)]
pub(super) struct RunningTurns {
    entries: Mutex<HashMap<TurnId, Entry>>,
    /// The turns that had no run at the last call of [`Self::find_orphaned`].
    without_run: Mutex<HashSet<FencingToken>>,
}

struct Entry {
    fencing_token: FencingToken,
    learner: LearnerId,
    conversation: ConversationId,
    signals: CancelSignals,
    ended: CancellationToken,
    /// Receives this turn's slot when it ends.
    successor: Option<oneshot::Sender<Slot>>,
}

/// Signals that end a run early.
#[derive(Debug, Clone, Default)]
pub(super) struct CancelSignals {
    /// The turn was cancelled.
    pub(super) cancelled: CancellationToken,
    /// The turn no longer belongs to this run, which can't store anything any more.
    pub(super) lost: CancellationToken,
}

impl RunningTurns {
    /// Adds a run. Replaces an earlier run of the same turn, which lost the turn. Callers that wait for the end of the
    /// replaced run are woken, because its [`Self::remove`] will find no entry.
    pub(super) fn add(&self, fencing_token: FencingToken, conversation: &Conversation) -> CancelSignals {
        let signals = CancelSignals::default();
        let entry = Entry {
            fencing_token,
            learner: conversation.learner,
            conversation: conversation.id,
            signals: signals.clone(),
            ended: CancellationToken::new(),
            successor: None,
        };
        let replaced = self.lock().insert(fencing_token.turn, entry);
        if let Some(replaced) = replaced {
            replaced.signals.lost.cancel();
            replaced.ended.cancel();
        }
        signals
    }

    /// Removes a run and wakes the callers that wait for its end.
    pub(super) fn remove(&self, fencing_token: FencingToken) {
        let mut running = self.lock();
        // Another try may have begun since the commit.
        if running.get(&fencing_token.turn).is_some_and(|entry| entry.fencing_token == fencing_token)
            && let Some(entry) = running.remove(&fencing_token.turn)
        {
            entry.ended.cancel();
        }
    }

    /// Cancels a turn's run. The returned token is cancelled when the run has ended. `None` if the turn doesn't run here.
    pub(super) fn cancel(&self, turn: TurnId) -> Option<CancellationToken> {
        let running = self.lock();
        let entry = running.get(&turn)?;
        entry.signals.cancelled.cancel();
        Some(entry.ended.clone())
    }

    /// Receives the slot of a turn's run when it ends. `None` if the turn doesn't run here, or if its slot is promised.
    pub(super) fn inherit_slot(&self, turn: TurnId) -> Option<oneshot::Receiver<Slot>> {
        let mut running = self.lock();
        let entry = running.get_mut(&turn)?;
        if entry.successor.as_ref().is_some_and(|successor| !successor.is_closed()) {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        entry.successor = Some(sender);
        Some(receiver)
    }

    /// Passes the slot of a run that ends to its successor, or frees it.
    pub(super) fn release_slot(&self, fencing_token: FencingToken, slot: Slot) {
        let successor = self
            .lock()
            .get_mut(&fencing_token.turn)
            .filter(|entry| entry.fencing_token == fencing_token)
            .and_then(|entry| entry.successor.take());
        if let Some(successor) = successor {
            // A successor that gave up has dropped its receiver, and the slot is freed.
            let _ = successor.send(slot);
        }
    }

    /// Cancels the runs of a conversation.
    pub(super) fn cancel_in(&self, conversation: ConversationId) {
        for entry in self.lock().values().filter(|entry| entry.conversation == conversation) {
            entry.signals.cancelled.cancel();
        }
    }

    /// The turn of a conversation that runs here.
    pub(super) fn turn_in(&self, conversation: ConversationId) -> Option<TurnId> {
        self.lock().iter().find_map(|(turn, entry)| (entry.conversation == conversation).then_some(*turn))
    }

    /// The attempt of a learner's turn that runs here.
    pub(super) fn attempt_of(&self, learner: LearnerId, turn: TurnId) -> Option<u32> {
        self.lock().get(&turn).filter(|entry| entry.learner == learner).map(|entry| entry.fencing_token.attempt)
    }

    /// Stops a run that lost its turn.
    pub(super) fn mark_lost(&self, fencing_token: FencingToken) {
        if let Some(entry) = self.lock().get(&fencing_token.turn).filter(|entry| entry.fencing_token == fencing_token) {
            entry.signals.lost.cancel();
        }
    }

    /// The runs under this lease.
    pub(super) fn under(&self, lease: Lease) -> Vec<FencingToken> {
        self.lock()
            .values()
            .map(|entry| entry.fencing_token)
            .filter(|fencing_token| fencing_token.lease == lease)
            .collect()
    }

    /// Those of the turns held by this instance that have no run and had none at the previous call either.
    pub(super) fn find_orphaned(&self, held: impl Iterator<Item = FencingToken>) -> Vec<FencingToken> {
        let without_run: HashSet<FencingToken> = held.filter(|fencing_token| !self.has(fencing_token.turn)).collect();
        let mut before = self.without_run.lock().unwrap_or_else(PoisonError::into_inner);
        let orphaned = before.intersection(&without_run).copied().collect();
        *before = without_run;
        orphaned
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
    use domain::Topic;

    fn fencing_token(turn: TurnId, attempt: u32) -> FencingToken {
        FencingToken { turn, attempt, lease: Lease(1) }
    }

    fn conversation() -> Conversation {
        Conversation { id: ConversationId::new(), learner: LearnerId::new(), topic: Topic::default(), created_at: 0 }
    }

    #[test]
    fn a_turn_that_runs_here_is_found_for_its_learner_alone() {
        let running = RunningTurns::default();
        let (turn, mine) = (TurnId::new(), conversation());
        running.add(fencing_token(turn, 2), &mine);
        assert_eq!(running.attempt_of(mine.learner, turn), Some(2));
        assert_eq!(running.attempt_of(LearnerId::new(), turn), None);
        assert_eq!(running.attempt_of(mine.learner, TurnId::new()), None);
    }

    #[test]
    fn callers_that_wait_for_a_run_are_woken_when_a_retry_of_the_turn_replaces_it() {
        let running = RunningTurns::default();
        let (turn, conversation) = (TurnId::new(), conversation());
        let first = running.add(fencing_token(turn, 1), &conversation);
        let ended = running.cancel(turn).unwrap();
        let second = running.add(fencing_token(turn, 2), &conversation);
        assert!(ended.is_cancelled());
        assert!(first.lost.is_cancelled());
        // The end of the replaced run leaves the entry of the retry alone.
        running.remove(fencing_token(turn, 1));
        assert!(running.has(turn));
        assert!(!second.cancelled.is_cancelled() && !second.lost.is_cancelled());
        let ended = running.cancel(turn).unwrap();
        running.remove(fencing_token(turn, 2));
        assert!(ended.is_cancelled());
        assert_eq!(running.count(), 0);
    }

    #[test]
    fn the_slot_of_an_ended_run_goes_to_its_successor_and_to_nobody_in_between() {
        let running = RunningTurns::default();
        let (turn, conversation) = (TurnId::new(), conversation());
        running.add(fencing_token(turn, 1), &conversation);
        let slots = Arc::new(Semaphore::new(1));
        let slot = || Slot::new(slots.clone().try_acquire_owned().unwrap(), Instant::now());

        let mut successor = running.inherit_slot(turn).unwrap();
        assert!(running.inherit_slot(turn).is_none(), "a slot has one successor");
        running.release_slot(fencing_token(turn, 1), slot());
        assert_eq!(slots.available_permits(), 0);
        drop(successor.try_recv().unwrap());
        assert_eq!(slots.available_permits(), 1);

        drop(running.inherit_slot(turn).unwrap());
        assert!(running.inherit_slot(turn).is_some(), "another successor replaces one that gave up");
        running.release_slot(fencing_token(turn, 1), slot());
        assert_eq!(slots.available_permits(), 1);
    }
}
