//! What a turn's run needs.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::instance_lease::InstanceLease;
use crate::{
    engine::{assistant::Assistant, budget::Budget, rendered::RenderedAnswers},
    live::Bus,
    redis::Redis,
};
use store::Store;

/// The parts of the program that the engine and its runs share.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) bus: Bus,
    /// Redis, if instances share one.
    pub(super) shared: Option<Redis>,
    pub(super) assistant: Assistant,
    pub(super) budget: Arc<Budget>,
    pub(super) rendered: RenderedAnswers,
    /// The lease of this instance.
    pub(super) instance_lease: InstanceLease,
    /// Every task that must finish, or be told to, before the program ends.
    pub(super) tasks: TaskTracker,
    /// Cancelled when the time to finish is over.
    pub(super) stop: CancellationToken,
}
