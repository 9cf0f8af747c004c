//! Emptying SQLite's write-ahead log after a deletion.
//!
//! A deletion overwrites the text in the database file, but earlier frames of the log still hold it until the log is
//! reused. `wal_checkpoint(TRUNCATE)` copies the log into the file and cuts it to zero bytes.

use std::{sync::Arc, time::Duration};

use sea_orm::{
    DatabaseConnection,
    sqlx::{self, Row as _},
};
use tokio::{sync::Notify, time::Instant};

/// Shortest time between two attempts. Each waits for the disk, and all writes wait for it.
const PAUSE: Duration = Duration::from_secs(1);
/// How long an attempt waits for readers of older frames, in milliseconds. Meanwhile all writes wait.
const READERS_WAIT: u32 = 50;
/// The writer's usual wait for locks, in milliseconds.
const USUAL_WAIT: u128 = super::connect::BUSY_TIMEOUT.as_millis();

/// Requests to empty the log, and when the next attempt is due.
pub(super) struct Truncation {
    requests: Arc<Notify>,
    is_requested: bool,
    not_before: Instant,
}

impl Truncation {
    pub(super) fn new(requests: Arc<Notify>) -> Self {
        Self { requests, is_requested: false, not_before: Instant::now() }
    }

    /// Returns when an attempt is requested and due. Cancel-safe.
    pub(super) async fn due(&mut self) {
        if !self.is_requested {
            self.requests.notified().await;
            self.is_requested = true;
        }
        tokio::time::sleep_until(self.not_before).await;
    }

    /// Empties the log. An attempt that readers or another process prevent is made again after [`PAUSE`].
    pub(super) async fn run(&mut self, database: &DatabaseConnection) {
        match truncate(database).await {
            Ok(is_done) => self.is_requested = !is_done,
            Err(error) => tracing::debug!(%error, "the write-ahead log could not be emptied"),
        }
        self.not_before = Instant::now() + PAUSE;
    }
}

/// `false` if a reader still needs the log.
async fn truncate(database: &DatabaseConnection) -> sqlx::Result<bool> {
    let mut connection = database.get_sqlite_connection_pool().acquire().await?;
    let wait = |millis: u128| sqlx::AssertSqlSafe(format!("PRAGMA busy_timeout = {millis}"));
    sqlx::query(wait(READERS_WAIT.into())).execute(&mut *connection).await?;
    let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await;
    sqlx::query(wait(USUAL_WAIT)).execute(&mut *connection).await?;
    Ok(row?.try_get::<i64, _>(0)? == 0)
}
