//! The state that handlers share.

use std::{sync::Arc, time::Instant};

use axum::extract::FromRef;

use super::{followers::Followers, learner::VisitPause, pages::PageContext, rate_limit::RateLimits};
use crate::{
    config::Config,
    engine::{
        assistant::Assistant,
        budgets::Budgets,
        guides::Guides,
        keyed_locks::KeyedLocks,
        rendered::RenderedAnswers,
        turn::{InstanceLease, StatelessSlots, TurnService},
    },
    lifecycle::Lifecycle,
    redis::Redis,
    telemetry::metrics::MetricsExporter,
};
use store::Store;

/// The parts of the program that handlers use. A clone is cheap.
#[derive(Clone)]
pub struct AppState(Arc<AppParts>);

/// The fields of [`AppState`].
pub struct AppParts {
    /// The settings.
    pub config: Config,
    /// The database.
    pub store: Store,
    /// The Redis that instances share, if there is one.
    pub redis: Option<Redis>,
    /// The model or the practice partner.
    pub assistant: Assistant,
    /// The daily token budgets.
    pub budgets: Budgets,
    /// Asks, retries, cancels and follows turns.
    pub turns: TurnService,
    /// The slots of stateless calls.
    pub stateless_slots: StatelessSlots,
    /// The lease of this instance.
    pub lease: InstanceLease,
    /// The phase of the program.
    pub lifecycle: Lifecycle,
    /// Rendered answers of ended turns.
    pub rendered: RenderedAnswers,
    /// Locks of conversations that are being created, by the hash of the idempotency key.
    pub creations: KeyedLocks<[u8; 32]>,
    /// The open event streams of turns.
    pub followers: Arc<Followers>,
    /// Guides to topics.
    pub guides: Guides,
    /// Rate limits.
    pub limits: RateLimits,
    /// The pause in storing visits of learners.
    pub visit_pause: VisitPause,
    /// Values that all pages show.
    pub pages: PageContext,
    /// The program's metrics.
    pub metrics: MetricsExporter,
    /// When the program started.
    pub started: Instant,
}

impl AppState {
    /// Wraps the parts for sharing.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for AppState {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

impl FromRef<AppState> for PageContext {
    fn from_ref(state: &AppState) -> Self {
        state.pages.clone()
    }
}
