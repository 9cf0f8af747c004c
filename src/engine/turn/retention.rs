//! Deletes conversations that are kept no longer, once a day.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, gauge};
use tokio::time::{MissedTickBehavior, interval};

use super::purge::UNUSED_FOR;
use domain::conversation::Millis;
use store::{Store, StoreError, now};

/// How often conversations are examined. The first time is at the start.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
const DAY: Millis = 24 * 60 * 60 * 1000;

/// Describes the metrics; called once, when the recorder is installed.
pub(super) fn describe() {
    describe_counter!("retention_deleted_total", "Conversations and turns deleted because of RETENTION_DAYS");
    describe_gauge!(
        "oldest_conversation_timestamp_seconds",
        "When the conversation that was used the longest ago was last used, as a Unix time, found once a day"
    );
    for kind in ["conversations", "turns"] {
        counter!("retention_deleted_total", "kind" => kind).increment(0);
    }
}

/// Deletes what was last used more than `days` days ago, every day; `None` deletes nothing. Several instances may do so at
/// once.
pub(super) async fn expire_daily(store: Store, days: Option<u32>) {
    let mut every = interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if let Err(error) = expire(&store, days).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "old conversations could not be deleted");
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "times come nowhere near 2^53")]
async fn expire(store: &Store, days: Option<u32>) -> Result<(), StoreError> {
    let before = days.map_or(Millis::MIN, |days| now() - Millis::from(days) * DAY);
    let purged = store.purge_inactive(before).await?;
    if let Some(oldest) = purged.oldest {
        gauge!("oldest_conversation_timestamp_seconds").set((oldest / 1000) as f64);
    }
    if purged.conversations > 0 {
        // Now some learners have no conversation.
        let unused = store.purge_unused(now() - UNUSED_FOR).await?;
        counter!("retention_deleted_total", "kind" => "conversations").increment(purged.conversations);
        counter!("retention_deleted_total", "kind" => "turns").increment(purged.turns);
        tracing::info!(
            conversations = purged.conversations,
            turns = purged.turns,
            unused,
            days,
            "conversations that were last used too long ago were deleted"
        );
    }
    Ok(())
}
