//! Every change of the database: one transaction a call or, on SQLite, one for all calls that wait.
//!
//! A commit of SQLite waits for the disk, and calls that came one after the other would each wait for all before them.
//! So the calls stand in a queue, and one task has the only connection that writes: it begins a transaction, runs the
//! first call and every other that already waits, commits once, and answers them all. While it commits, the next group
//! gathers; no call waits for others to join. PostgreSQL commits concurrent transactions together by itself.

mod queue;

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use sea_orm::{
    ConnAcquireErr, DatabaseConnection, DatabaseTransaction, DbErr, SqliteTransactionMode, TransactionOptions,
    TransactionTrait,
};
use tokio::time::timeout;

use super::{Store, StoreError};
pub(super) use queue::{MAX_GROUP, Queue};

/// How every changing transaction begins. One that reads first and locks later would fail on SQLite without waiting its
/// turn, if another process wrote in between. PostgreSQL has no such mode and ignores it.
pub(super) const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// How long a transaction of PostgreSQL may take. When a server is gone without a word, the connection would go on waiting
/// for a quarter of an hour.
const TRANSACTION_TIMEOUT: Duration = Duration::from_secs(20);

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    describe_histogram!("store_group_size", "Writes that one commit of SQLite stored together");
    describe_histogram!(
        "store_wait_seconds",
        Unit::Seconds,
        "How long a write waited: on SQLite in the queue, on PostgreSQL for a connection with an open transaction"
    );
    describe_histogram!("store_commit_seconds", Unit::Seconds, "How long a commit took until it was on disk");
    describe_counter!("store_write_failures_total", "Commits that failed; the writes are retried or reported");
    describe_gauge!("store_queue_length", "Writes that wait for SQLite's next commit; always 0 on PostgreSQL");
    describe_gauge!(
        "database_connections",
        "Connections to PostgreSQL, or readers of SQLite, by state: idle or in_use"
    );
    describe_gauge!("database_connections_max", "How many of these there may be (DATABASE_POOL)");
    counter!("store_write_failures_total").increment(0);
}

impl Store {
    /// Runs `work` in a transaction that holds the write lock from its first statement, and answers when it is
    /// committed durably.
    ///
    /// The only way to change anything. Work that answers `Err` or panics changes nothing, and what it shares the
    /// transaction with is stored all the same. A call whose future is dropped is stored wholly or not at all.
    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Work<T>,
    {
        match &self.writer {
            Writer::Grouped(queue) => queue.write(work).await,
            Writer::Single(database) => timeout(TRANSACTION_TIMEOUT, write_alone(database, work))
                .await
                .unwrap_or_else(|_| Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout).into())),
        }
    }

    /// [`Store::write`] for work that may take its time, because no instance serves meanwhile.
    pub(super) async fn write_at_length<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: Work<T>,
    {
        match &self.writer {
            Writer::Grouped(queue) => queue.write(work).await,
            Writer::Single(database) => write_alone(database, work).await,
        }
    }

    /// Whether SQLite could not write when it last tried: the disk is full or read-only, for example. The next write that
    /// is stored ends it; the lease's renewal is one every few seconds. PostgreSQL answers for itself.
    #[must_use]
    pub fn is_write_failing(&self) -> bool {
        matches!(&self.writer, Writer::Grouped(queue) if queue.is_failing.load(Ordering::Relaxed))
    }

    /// Requests that SQLite's write-ahead log is emptied soon, because it still holds text that was deleted.
    /// PostgreSQL recycles its log by itself.
    pub(super) fn request_truncation(&self) {
        if let Writer::Grouped(queue) = &self.writer {
            queue.truncation.notify_one();
        }
    }
}

/// What is to be done in a transaction.
pub(super) trait Work<T>:
    for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static
{
}

impl<T, W> Work<T> for W where
    W: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static
{
}

/// How changes reach the database.
#[derive(Clone)]
pub(super) enum Writer {
    /// One transaction a call, for a server with many connections.
    Single(DatabaseConnection),
    /// One transaction a group of calls, for SQLite.
    Grouped(Queue),
}

impl Writer {
    /// Closes the connections when everything that waits is stored.
    pub(super) async fn close(&self) -> Result<(), DbErr> {
        match self {
            Self::Single(database) => database.close_by_ref().await,
            Self::Grouped(queue) => queue.close().await,
        }
    }
}

async fn write_alone<T, W: Work<T>>(database: &DatabaseConnection, work: W) -> Result<T, StoreError> {
    let called = Instant::now();
    let transaction = database.begin_with_options(IMMEDIATE).await.inspect_err(|_| count_failure())?;
    histogram!("store_wait_seconds").record(called.elapsed());
    match work(&transaction).await {
        Ok(value) => {
            commit(transaction).await.inspect_err(|_| count_failure())?;
            Ok(value)
        }
        Err(error) => {
            // Dropping it would roll back as well, but only when the connection is used next.
            roll_back(transaction).await;
            Err(error)
        }
    }
}

async fn commit(transaction: DatabaseTransaction) -> Result<(), DbErr> {
    let began = Instant::now();
    transaction.commit().await?;
    histogram!("store_commit_seconds").record(began.elapsed());
    Ok(())
}

fn count_failure() {
    counter!("store_write_failures_total").increment(1);
}

async fn roll_back(transaction: DatabaseTransaction) {
    if let Err(error) = transaction.rollback().await {
        tracing::warn!(%error, "a transaction could not be rolled back");
    }
}

#[cfg(test)]
mod tests;
