//! What is shared with the tests of one instance.

#[allow(dead_code, reason = "pages that hop are followed by a follower of their own")]
#[path = "../api/support/events.rs"]
pub mod events;
#[path = "../support/openai.rs"]
pub mod openai;
#[path = "../support/postgres.rs"]
pub mod postgres;
#[path = "../api/support/process.rs"]
pub mod process;
#[path = "../support/redis.rs"]
pub mod redis;
#[path = "../api/support/reply.rs"]
pub mod reply;
#[allow(dead_code, reason = "pages that hop are followed by a follower of their own")]
#[path = "../api/support/student.rs"]
pub mod student;

use std::time::Duration;

/// How long anything is waited for before a test counts as failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What `future` gives, which must come soon.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Asks again and again until `ask` gives something. For what nobody announces.
pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(what, asking).await
}
