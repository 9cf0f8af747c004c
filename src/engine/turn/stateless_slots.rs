//! Slots for stateless calls: those of callers without a cookie take a share, so that a script never takes all of them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    AskError,
    engine::{Engine, Slot},
    turn_metrics,
};

/// Calls without a learner take one slot in so many.
const SHARE: usize = 2;

/// The slots of stateless calls without a learner.
pub(super) struct AnonymousSlots(Arc<Semaphore>);

/// The right to answer one stateless call. Dropping it gives it back.
#[derive(Debug)]
pub struct StatelessSlot {
    _slot: Slot,
    _share: Option<OwnedSemaphorePermit>,
}

impl AnonymousSlots {
    pub(super) fn new(max_turns: usize) -> Self {
        Self(Arc::new(Semaphore::new((max_turns / SHARE).max(1))))
    }
}

impl Engine {
    /// The right to answer a stateless call now.
    ///
    /// # Errors
    /// As [`Engine::admit`]; also [`AskError::Full`] when calls without a learner have their share.
    pub fn admit_stateless(&self, has_learner: bool) -> Result<StatelessSlot, AskError> {
        let slot = self.admit()?;
        let share = match has_learner {
            true => None,
            false => {
                let share = self.0.anonymous_slots.0.clone().try_acquire_owned();
                Some(share.map_err(|_| turn_metrics::refused(AskError::Full))?)
            }
        };
        Ok(StatelessSlot { _slot: slot, _share: share })
    }
}
