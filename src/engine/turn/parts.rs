//! What a turn's run needs.

use std::sync::Arc;

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::tenure::Tenure;
use crate::{
    engine::{budget::Budget, partner::Partner, rendered::RenderedAnswers},
    live::Bus,
    redis::Shared,
};
use store::Store;

/// The parts of the program that the engine and its runs share.
pub(super) struct Parts {
    pub(super) store: Store,
    pub(super) bus: Bus,
    /// Redis, if instances share one.
    pub(super) shared: Option<Shared>,
    pub(super) partner: Partner,
    pub(super) budget: Arc<Budget>,
    pub(super) rendered: RenderedAnswers,
    /// The lease of this instance.
    pub(super) tenure: Tenure,
    /// Every task that must finish, or be told to, before the program ends.
    pub(super) tasks: TaskTracker,
    /// Cancelled when the time to finish is over.
    pub(super) stop: CancellationToken,
}
