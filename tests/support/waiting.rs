//! Waiting for events, with a limit.

use std::time::Duration;

/// How long anything is waited for before a test counts as failed. No test waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The output of `future`, which must be ready within [`PATIENCE`].
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(PATIENCE, future).await;
    waited.unwrap_or_else(|_| panic!("waited in vain for {what}"))
}

/// Polls `ask` until it returns a value. For conditions without an event.
pub async fn eventually<T>(what: &str, ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    soon(what, asking).await
}
