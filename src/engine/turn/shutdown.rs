//! The engine's end.

use std::time::Duration;

use super::engine::{Engine, Inner};

/// How long the last words of turns may take to reach Redis.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

impl Engine {
    /// Ends well: takes nothing new in, sends followers of other instances' turns there, gives running turns `grace` to
    /// finish, then interrupts the rest. Returns when everything is stored.
    pub async fn drain(&self, grace: Duration) {
        let Inner { parts, running, draining, .. } = &*self.0;
        draining.cancel();
        parts.bus.leave();
        parts.tasks.close();
        if tokio::time::timeout(grace, parts.tasks.wait()).await.is_err() {
            tracing::warn!(turns = running.count(), "the time to finish is over; running turns are interrupted");
            parts.stop.cancel();
            parts.tasks.wait().await;
        }
    }

    /// Gives the lease back and lets go of everything. To be called last.
    pub async fn leave(&self) {
        self.0.gone.cancel();
        // One that is being renewed would be taken anew.
        self.0.background_tasks.wait().await;
        self.0.parts.bus.flush(FLUSH_PATIENCE).await;
        if let Err(error) = self.0.parts.store.release_lease(self.0.parts.instance_lease.last_lease()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the lease was not given back; it runs out by itself"
            );
        }
    }

    /// Whether the engine is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Resolves when the time to finish is over and what still runs is interrupted.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.parts.stop.clone().cancelled_owned()
    }

    /// Whether the time to finish is over.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.parts.stop.is_cancelled()
    }

    /// Interrupts what still runs.
    pub fn stop(&self) {
        self.0.parts.stop.cancel();
    }
}
