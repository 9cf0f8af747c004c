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

use logging::RepeatedLine;

/// Shortest time between two attempts. Each waits for the disk, and all writes wait for it.
const PAUSE: Duration = Duration::from_secs(1);
/// How often the time between two attempts doubles at most while they fail: up to about a minute.
const MAX_DOUBLINGS: u32 = 6;
/// How long an attempt waits for readers of older frames, in milliseconds. Meanwhile all writes wait.
const READERS_WAIT: u32 = 50;
/// The writer's usual wait for locks, in milliseconds.
const USUAL_WAIT: u128 = super::connect::BUSY_TIMEOUT.as_millis();

/// Requests to empty the log, and when the next attempt is due.
pub(super) struct Truncation {
    requests: Arc<Notify>,
    is_requested: bool,
    /// Attempts that failed since the last one that emptied the log.
    failures: u32,
    not_before: Instant,
}

impl Truncation {
    pub(super) fn new(requests: Arc<Notify>) -> Self {
        Self { requests, is_requested: false, failures: 0, not_before: Instant::now() }
    }

    /// Returns when an attempt is requested and due. Cancel-safe.
    pub(super) async fn due(&mut self) {
        if !self.is_requested {
            self.requests.notified().await;
            self.is_requested = true;
        }
        tokio::time::sleep_until(self.not_before).await;
    }

    /// Empties the log. An attempt that fails, or that readers or another process prevent, is repeated with growing
    /// pauses. Logs a warning when it fails, or is prevented for a minute.
    pub(super) async fn run(&mut self, database: &DatabaseConnection) {
        let outcome = truncate(database).await;
        self.is_requested = !matches!(outcome, Ok(true));
        self.not_before = Instant::now() + pause_after(self.failures);
        self.failures = if self.is_requested { self.failures.saturating_add(1) } else { 0 };
        let reason = match outcome {
            Err(error) => error.to_string(),
            Ok(false) if self.failures > MAX_DOUBLINGS => {
                "another process reads the database, or a reader does not end".to_owned()
            }
            Ok(_) => return,
        };
        static LINE: RepeatedLine = RepeatedLine::new();
        if let Some(left_out) = LINE.due() {
            tracing::warn!(
                reason,
                left_out,
                "deleted text could not be removed from SQLite's log and is still on the disk"
            );
        }
    }
}

/// How long the next attempt waits after one that had this many failures before it.
fn pause_after(failures: u32) -> Duration {
    PAUSE * 2_u32.pow(failures.min(MAX_DOUBLINGS))
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

#[cfg(test)]
mod tests {
    use sea_orm::{SqlxSqliteConnector, sqlx::sqlite::SqlitePoolOptions};

    use super::*;

    #[test]
    fn pauses_between_failing_attempts_grow_to_about_a_minute() {
        let pauses: Vec<u64> = (0..9).map(|failures| pause_after(failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
    }

    #[tokio::test]
    async fn a_truncation_that_fails_stays_requested_and_backs_off_until_one_works() {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let url = format!("sqlite://{}/school.db?mode=rwc", folder.path().display());
            SqlxSqliteConnector::from_sqlx_sqlite_pool(SqlitePoolOptions::new().connect_lazy(&url).unwrap())
        };
        let (working, closed) = (open(), open());
        closed.close_by_ref().await.unwrap();
        let requests = Arc::new(Notify::new());
        let mut truncation = Truncation::new(requests.clone());
        requests.notify_one();
        truncation.due().await;
        for failures in 1..=5 {
            let began = Instant::now();
            truncation.run(&closed).await;
            assert!(truncation.is_requested);
            assert_eq!(truncation.failures, failures);
            assert!(truncation.not_before >= began + pause_after(failures - 1));
        }
        truncation.run(&working).await;
        assert!(!truncation.is_requested);
        assert_eq!(truncation.failures, 0);
    }
}
