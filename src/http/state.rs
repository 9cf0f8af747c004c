//! What handlers share.

use std::{sync::Arc, time::Instant};

use axum::extract::FromRef;

use super::{followers::Followers, learner::VisitPause, pages::PageContext, rate_limit::RateLimits};
use crate::{
    config::Config,
    engine::{
        assistant::Assistant, budget::Budget, guides::Guides, keyed_locks::KeyedLocks, rendered::RenderedAnswers,
        turn::engine::Engine,
    },
    redis::Redis,
    telemetry::metrics::MetricsExporter,
};
use store::Store;

/// The parts of the program that handlers call, cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// See [`AppState`].
pub struct Inner {
    /// The settings.
    pub config: Config,
    /// Conversations and everything else that lasts.
    pub store: Store,
    /// Redis, if instances share one.
    pub shared: Option<Redis>,
    /// Who answers.
    pub assistant: Assistant,
    /// The day's tokens.
    pub budget: Arc<Budget>,
    /// Takes messages in and runs turns.
    pub engine: Engine,
    /// Renders answers that have ended.
    pub rendered: RenderedAnswers,
    /// Conversations that are being begun, by what stands for their request's key.
    pub beginnings: KeyedLocks<[u8; 32]>,
    /// The open event streams of turns.
    pub followers: Arc<Followers>,
    /// Guides to topics.
    pub guides: Guides,
    /// How often who may ask.
    pub limits: RateLimits,
    /// Whether learners' visits are noted now.
    pub visit_pause: VisitPause,
    /// What pages show of the program.
    pub pages: PageContext,
    /// The program's metrics.
    pub metrics: MetricsExporter,
    /// When the program started.
    pub started: Instant,
}

impl AppState {
    /// Shares the parts.
    #[must_use]
    pub fn new(parts: Inner) -> Self {
        Self(Arc::new(parts))
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl FromRef<AppState> for PageContext {
    fn from_ref(state: &AppState) -> Self {
        state.pages.clone()
    }
}
