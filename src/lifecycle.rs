//! The phases of the program's life, and the tasks that a shutdown waits for.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle, time::timeout};
use tokio_util::task::TaskTracker;

/// A phase of the program's life. Phases advance and never go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// New turns are accepted.
    Running,
    /// No new turn is accepted; running turns may finish.
    Draining,
    /// The time to finish is over; running turns and stateless calls are interrupted.
    Stopping,
    /// All turns have ended and all connections are closed; background tasks end.
    Stopped,
}

/// The current phase, and the tasks that have to end before the program does. Cheap to clone: clones share both.
#[derive(Debug, Clone)]
pub struct Lifecycle(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    phase: watch::Sender<Phase>,
    /// Tasks that accept or run turns.
    turns: TaskTracker,
    /// All other tasks.
    background: TaskTracker,
}

impl Default for Lifecycle {
    fn default() -> Self {
        let phase = watch::Sender::new(Phase::Running);
        Self(Arc::new(Inner { phase, turns: TaskTracker::new(), background: TaskTracker::new() }))
    }
}

impl Lifecycle {
    /// Whether this phase, or a later one, has begun.
    #[must_use]
    pub fn has_reached(&self, phase: Phase) -> bool {
        *self.0.phase.borrow() >= phase
    }

    /// Whether no new turn is accepted.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.has_reached(Phase::Draining)
    }

    /// Resolves when this phase, or a later one, has begun.
    pub fn reached(&self, phase: Phase) -> impl Future<Output = ()> + Send + use<> {
        let this = self.clone();
        async move {
            // The sender lives in `this`, so this can't fail.
            let _ = this.0.phase.subscribe().wait_for(|current| *current >= phase).await;
        }
    }

    /// Resolves when the program drains and the last turn has ended.
    pub async fn drained(&self) {
        self.0.turns.wait().await;
    }

    /// Spawns a task that accepts or runs a turn.
    pub fn spawn_turn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.turns.spawn(task);
    }

    /// Spawns a task that is dropped at [`Phase::Stopped`].
    pub fn spawn_background(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stopped = self.reached(Phase::Stopped);
        self.0.background.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stopped => {}
            }
        });
    }

    /// Spawns a task that ends by itself, at [`Phase::Stopped`] at the latest, and must not be dropped halfway.
    pub fn spawn_uninterrupted<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.background.spawn(task)
    }

    /// Begins [`Phase::Draining`].
    pub fn start_draining(&self) {
        self.advance(Phase::Draining);
        self.0.turns.close();
    }

    /// Waits until all turns have ended. Begins [`Phase::Stopping`] if that takes longer than `grace`.
    pub async fn drain(&self, grace: Duration) {
        self.start_draining();
        if timeout(grace, self.0.turns.wait()).await.is_err() {
            tracing::warn!(turns = self.0.turns.len(), "the time to finish is over; running turns are interrupted");
            self.stop();
            self.0.turns.wait().await;
        }
    }

    /// Begins [`Phase::Stopping`].
    pub fn stop(&self) {
        self.advance(Phase::Stopping);
    }

    /// Begins [`Phase::Stopped`] and waits until all background tasks have ended.
    pub async fn finish(&self) {
        self.advance(Phase::Stopped);
        self.0.background.close();
        self.0.background.wait().await;
    }

    fn advance(&self, phase: Phase) {
        self.0.phase.send_if_modified(|current| {
            let advances = *current < phase;
            *current = phase.max(*current);
            advances
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_that_exceed_the_grace_period_are_interrupted_before_the_drain_ends() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn_turn(lifecycle.reached(Phase::Stopping));
        assert_eq!(lifecycle.drained().now_or_never(), None);
        lifecycle.drain(Duration::from_secs(10)).await;
        assert!(lifecycle.has_reached(Phase::Stopping) && !lifecycle.has_reached(Phase::Stopped));
        assert_eq!(lifecycle.drained().now_or_never(), Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_without_turns_leaves_the_grace_period_to_stateless_calls() {
        let lifecycle = Lifecycle::default();
        lifecycle.drain(Duration::from_secs(10)).await;
        assert!(lifecycle.is_draining() && !lifecycle.has_reached(Phase::Stopping));
    }

    #[tokio::test]
    async fn a_phase_never_goes_back_and_the_last_one_ends_background_tasks() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn_background(pending());
        let uninterrupted = lifecycle.spawn_uninterrupted(lifecycle.reached(Phase::Stopped));
        lifecycle.finish().await;
        uninterrupted.await.unwrap();
        lifecycle.start_draining();
        assert!(lifecycle.has_reached(Phase::Stopped));
    }
}
