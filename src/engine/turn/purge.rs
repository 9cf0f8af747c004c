//! The hourly purge of rows that no student needs.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::engine::Engine;
use crate::engine::request_key::REPEATABLE;
use domain::conversation::Millis;
use store::{StoreError, now};

/// How often rows are purged. The first time is at the start.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How long a learner without a conversation, or a conversation without a question, is left alone.
const UNUSED_FOR: Millis = 24 * 60 * 60 * 1000;

impl Engine {
    /// Purges unused rows every hour until the engine has ended. Several instances may do so at once.
    pub(super) async fn purge(self) {
        let mut every = interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let purge = async {
                every.tick().await;
                let (store, now) = (&self.0.parts.store, now());
                let requests = store.purge_conversation_requests(now - REPEATABLE).await?;
                Ok::<_, StoreError>(requests + store.purge_unused(now - UNUSED_FOR).await?)
            };
            match self.0.gone.run_until_cancelled(purge).await {
                None => return,
                Some(Ok(0)) => {}
                Some(Ok(rows)) => tracing::info!(rows, "unused rows were deleted"),
                Some(Err(error)) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "unused rows could not be deleted");
                }
            }
        }
    }
}
