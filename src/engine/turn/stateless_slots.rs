//! Slots for stateless calls. Callers without a cookie get a share of them, so that a script never takes all.

use std::{net::IpAddr, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    admission::{Admission, Slot},
    refusal::AskError,
    turn_metrics,
};
use crate::engine::budgets::Payer;

/// Calls without a learner take at most one slot in so many.
const SHARE: usize = 2;

/// The slots of stateless calls. Clones share them.
#[derive(Clone)]
pub struct StatelessSlots {
    admission: Admission,
    /// The share of calls without a learner.
    anonymous: Arc<Semaphore>,
}

/// The right to answer one stateless call. Dropping it frees the slot.
#[derive(Debug)]
pub struct StatelessSlot {
    _slot: Slot,
    _anonymous: Option<OwnedSemaphorePermit>,
}

impl StatelessSlots {
    pub(super) fn new(max_turns: usize, admission: Admission) -> Self {
        Self { admission, anonymous: Arc::new(Semaphore::new((max_turns / SHARE).max(1))) }
    }

    /// Acquires the right to answer a stateless call now.
    ///
    /// # Errors
    /// [`AskError::Draining`], [`AskError::BudgetSpent`], or [`AskError::Full`], also when calls without a learner have
    /// their share.
    pub fn admit(&self, has_learner: bool, address: IpAddr) -> Result<StatelessSlot, AskError> {
        let slot = self.admission.try_admit(Payer::Stateless(address)).map_err(turn_metrics::refused_stateless)?;
        let anonymous = match has_learner {
            true => None,
            false => {
                let permit = self.anonymous.clone().try_acquire_owned();
                Some(permit.map_err(|_| turn_metrics::refused_stateless(AskError::Full))?)
            }
        };
        Ok(StatelessSlot { _slot: slot, _anonymous: anonymous })
    }
}
