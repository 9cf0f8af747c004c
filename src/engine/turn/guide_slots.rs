//! Slots for guides: a share of those for questions, so that guides never take all of them.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::admission::{Admission, Slot};
use crate::{
    engine::budgets::Payer,
    lifecycle::{Lifecycle, Phase},
};

/// Guides take at most one slot in so many.
const SHARE: usize = 4;
/// Guides that may wait for each one that is being made.
const WAITING_FOR_EACH: usize = 8;
/// How long a guide waits for a slot. No page waits longer for its guide.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The slots of guides. Clones share them.
#[derive(Clone)]
pub struct GuideSlots {
    admission: Admission,
    lifecycle: Lifecycle,
    making: Arc<Semaphore>,
    /// One for each guide that is made or waits.
    queue: Arc<Semaphore>,
}

/// The right to have the model make one guide. Dropping it frees the slot.
#[derive(Debug)]
pub struct GuideSlot {
    _slot: Slot,
    _making: OwnedSemaphorePermit,
    _queue: OwnedSemaphorePermit,
}

impl GuideSlots {
    pub(super) fn new(max_turns: usize, admission: Admission, lifecycle: Lifecycle) -> Self {
        let share = (max_turns / SHARE).max(1);
        let queue = share.saturating_mul(1 + WAITING_FOR_EACH);
        let (making, queue) = (Arc::new(Semaphore::new(share)), Arc::new(Semaphore::new(queue)));
        Self { admission, lifecycle, making, queue }
    }

    /// Acquires the right to make a guide; waits while as many guides are made as may be. `None` if too many wait
    /// already, if questions have all slots, if the budget of `payer` is spent, or if the program is shutting down.
    pub async fn admit(&self, payer: Payer) -> Option<GuideSlot> {
        let queue = self.queue.clone().try_acquire_owned().ok()?;
        let making = tokio::select! {
            making = timeout(LONGEST_WAIT, self.making.clone().acquire_owned()) => making.ok()?.ok()?,
            () = self.lifecycle.reached(Phase::Draining) => return None,
        };
        Some(GuideSlot { _slot: self.admission.try_admit(payer).ok()?, _making: making, _queue: queue })
    }
}
