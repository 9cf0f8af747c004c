//! Deletes rows that no student needs.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::engine::request_key::REPEATABLE;
use domain::conversation::Millis;
use store::{Store, StoreError, now};

/// How often rows are purged. The first time is at the start.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How long a learner without a conversation, or a conversation without a question, is stored.
pub(super) const UNUSED_FOR: Millis = 24 * 60 * 60 * 1000;

/// Purges unused rows every hour. Several instances may do so at once.
pub(super) async fn purge_hourly(store: Store) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        match purge(&store).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "unused rows were deleted"),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "unused rows could not be deleted");
            }
        }
    }
}

async fn purge(store: &Store) -> Result<u64, StoreError> {
    let now = now();
    let requests = store.purge_conversation_requests(now - REPEATABLE).await?;
    Ok(requests + store.purge_unused(now - UNUSED_FOR).await?)
}
