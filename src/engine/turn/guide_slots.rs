//! Slots for guides: a share of those for questions, so that guides, however many are wanted, never take all of them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::engine::{Engine, Slot};

/// Guides take one slot in so many.
const SHARE: usize = 4;
/// Guides that may wait for each one that is being made.
const WAITING_FOR_EACH: usize = 8;
/// How long a guide waits for a slot. Nobody waits for a guide for longer.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The slots of guides.
pub(super) struct GuideSlots {
    making: Arc<Semaphore>,
    /// One for each guide that is made or waits.
    queue: Arc<Semaphore>,
}

/// The right to have the model make one guide. Dropping it gives it back.
#[derive(Debug)]
pub struct GuideSlot {
    _slot: Slot,
    _making: OwnedSemaphorePermit,
    _queue: OwnedSemaphorePermit,
}

impl GuideSlots {
    pub(super) fn new(max_turns: usize) -> Self {
        let share = (max_turns / SHARE).max(1);
        let queue = share.saturating_mul(1 + WAITING_FOR_EACH);
        Self { making: Arc::new(Semaphore::new(share)), queue: Arc::new(Semaphore::new(queue)) }
    }
}

impl Engine {
    /// The right to make a guide, waited for while as many guides are made as may. `None` when too many wait already,
    /// when questions have all slots, when the day's tokens are spent, or when the server is shutting down.
    pub async fn admit_guide(&self) -> Option<GuideSlot> {
        let GuideSlots { making, queue } = &self.0.guide_slots;
        let queue = queue.clone().try_acquire_owned().ok()?;
        let making = tokio::select! {
            making = timeout(LONGEST_WAIT, making.clone().acquire_owned()) => making.ok()?.ok()?,
            () = self.0.draining.cancelled() => return None,
        };
        Some(GuideSlot { _slot: self.free_slot().ok()?, _making: making, _queue: queue })
    }
}
