//! Every change of the database: one transaction a call or, on SQLite, one for all calls that wait.
//!
//! A commit of SQLite waits for the disk, and calls that came one after the other would each wait for all before them.
//! So the calls stand in a queue, and one task has the only connection that writes: it begins a transaction, runs the
//! first call and every other that already waits, commits once, and answers them all. While it commits, the next group
//! gathers; no call waits for others to join. PostgreSQL commits concurrent transactions together by itself.

use std::{
    iter,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::BoxFuture};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait,
};
use tokio::{
    sync::{
        Notify,
        mpsc::{self, error::SendTimeoutError},
        oneshot,
    },
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Store, StoreError, truncation::Truncation};
use logging::RepeatedLine;

/// How every changing transaction begins. One that reads first and locks later would fail on SQLite without waiting its
/// turn, if another process wrote in between. PostgreSQL has no such mode and ignores it.
pub(super) const IMMEDIATE: TransactionOptions = TransactionOptions {
    isolation_level: None,
    access_mode: None,
    sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
};

/// Calls that one commit stores at most, so that the first of them isn't kept waiting by an endless row of others; and
/// calls that wait at most, before the next ones wait for a place in the queue.
pub(super) const GROUP: usize = 256;

/// How long a transaction of PostgreSQL may take. When a server is gone without a word, the connection would go on waiting
/// for a quarter of an hour.
const PATIENCE: Duration = Duration::from_secs(20);

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    describe_histogram!("store_group_size", "Writes that one commit of SQLite stored together");
    describe_histogram!(
        "store_wait_seconds",
        Unit::Seconds,
        "How long a write waited: on SQLite in the queue, on PostgreSQL for a connection with an open transaction"
    );
    describe_histogram!("store_commit_seconds", Unit::Seconds, "How long a commit took until it was on disk");
    describe_counter!(
        "store_write_failures_total",
        "Commits that failed; what was to be written is tried again or told"
    );
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
            Writer::Single(database) => timeout(PATIENCE, write_alone(database, work))
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
}

impl Store {
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
    let transaction = database.begin_with_options(IMMEDIATE).await.inspect_err(|_| note_failure())?;
    histogram!("store_wait_seconds").record(called.elapsed());
    match work(&transaction).await {
        Ok(value) => {
            commit(transaction).await.inspect_err(|_| note_failure())?;
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

fn note_failure() {
    counter!("store_write_failures_total").increment(1);
}

async fn roll_back(transaction: DatabaseTransaction) {
    if let Err(error) = transaction.rollback().await {
        tracing::warn!(%error, "a transaction could not be rolled back");
    }
}

/// The way to the task that writes. The task ends when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Queue {
    calls: mpsc::Sender<Box<dyn Call>>,
    /// How long a call waits for a place.
    patience: Duration,
    closing: CancellationToken,
    /// Wakes the task when the write-ahead log is to be emptied.
    truncation: Arc<Notify>,
    /// Whether the last commit failed for want of room, of a disk, or of the right to write.
    is_failing: Arc<AtomicBool>,
    task: TaskTracker,
    database: DatabaseConnection,
}

impl Queue {
    /// Starts the task. `database` is a pool of one SQLite connection, and `most` what a group holds at most.
    pub(super) fn start(database: DatabaseConnection, most: usize, patience: Duration) -> Self {
        let (calls, waiting) = mpsc::channel(GROUP);
        let queue = Self {
            calls,
            patience,
            closing: CancellationToken::new(),
            truncation: Arc::default(),
            is_failing: Arc::default(),
            task: TaskTracker::new(),
            database: database.clone(),
        };
        let truncation = Truncation::new(queue.truncation.clone());
        let is_failing = queue.is_failing.clone();
        queue.task.spawn(Groups { database, waiting, most, truncation, is_failing }.run(queue.closing.clone()));
        queue.task.close();
        queue
    }

    async fn write<T: Send + 'static, W: Work<T>>(&self, work: W) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(Waiting { work: Some(work), outcome: None, answer, called: Instant::now() });
        self.calls.send_timeout(call, self.patience).await.map_err(|error| {
            DbErr::ConnectionAcquire(match error {
                SendTimeoutError::Timeout(_) => ConnAcquireErr::Timeout,
                SendTimeoutError::Closed(_) => ConnAcquireErr::ConnectionClosed,
            })
        })?;
        answered.await.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed).into()))
    }

    /// How many calls wait.
    pub(super) fn length(&self) -> usize {
        self.calls.max_capacity() - self.calls.capacity()
    }

    async fn close(&self) -> Result<(), DbErr> {
        self.closing.cancel();
        self.task.wait().await;
        self.database.close_by_ref().await
    }
}

/// A call in the queue, whatever it answers with.
trait Call: Send {
    /// Whether the caller dropped the future.
    fn is_dropped(&self) -> bool;

    /// Does the work, once; `false` if what it changed is to be undone.
    fn run<'t>(&'t mut self, transaction: &'t DatabaseTransaction) -> BoxFuture<'t, bool>;

    /// Whether the work failed because the database could not do it at this time.
    fn is_unavailable(&self) -> bool;

    /// Answers with what the work came to or, whatever that was, with what kept its group from being stored.
    fn answer(self: Box<Self>, stored: Result<(), DbErr>);
}

struct Waiting<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    called: Instant,
}

impl<T: Send + 'static, W: Work<T>> Call for Waiting<T, W> {
    fn is_dropped(&self) -> bool {
        self.answer.is_closed()
    }

    fn run<'t>(&'t mut self, transaction: &'t DatabaseTransaction) -> BoxFuture<'t, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            histogram!("store_wait_seconds").record(self.called.elapsed());
            let outcome = AssertUnwindSafe(async { work(transaction).await }).catch_unwind().await;
            let outcome =
                outcome.unwrap_or_else(|_| Err(StoreError::Refused(DbErr::Custom("the work panicked".to_owned()))));
            self.outcome.insert(outcome).is_ok()
        })
    }

    fn is_unavailable(&self) -> bool {
        matches!(self.outcome, Some(Err(StoreError::Unavailable(_))))
    }

    fn answer(self: Box<Self>, stored: Result<(), DbErr>) {
        let outcome = match (stored, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => return,
            (Err(error), _) => Err(lost(error)),
        };
        // Whoever dropped the call doesn't want to know.
        let _ = self.answer.send(outcome);
    }
}

/// The error of a group that could not be stored. No call of it is to blame, and later all of it may work.
fn lost(error: DbErr) -> StoreError {
    match error.into() {
        StoreError::Refused(error) | StoreError::Conflict(_, error) => StoreError::Unavailable(error),
        other => other,
    }
}

/// The task that writes.
struct Groups {
    database: DatabaseConnection,
    waiting: mpsc::Receiver<Box<dyn Call>>,
    most: usize,
    truncation: Truncation,
    is_failing: Arc<AtomicBool>,
}

impl Groups {
    /// Works until all senders are dropped, or the queue is closed and empty.
    async fn run(mut self, closing: CancellationToken) {
        loop {
            let first = tokio::select! {
                first = self.waiting.recv() => first,
                () = self.truncation.due() => {
                    self.truncation.run(&self.database).await;
                    continue;
                }
                () = closing.cancelled() => {
                    self.waiting.close();
                    self.waiting.recv().await
                }
            };
            let Some(first) = first else { return };
            let mut group = vec![first];
            let stored = self.store(&mut group).await;
            if let Err(error) = &stored {
                note_failure();
                static LINE: RepeatedLine = RepeatedLine::new();
                if let Some(left_out) = LINE.due() {
                    tracing::warn!(%error, writes = group.len(), left_out, "writes could not be stored");
                }
                self.renew_connection().await;
            }
            self.note_outcome(&stored);
            for call in group {
                call.answer(stored.clone().map(drop));
            }
        }
    }

    /// Runs the call in the group, and those that wait, which thereby become part of it; and commits.
    /// Says how many calls were stored.
    async fn store(&mut self, group: &mut Vec<Box<dyn Call>>) -> Result<u32, DbErr> {
        let transaction = match self.database.begin_with_options(IMMEDIATE).await {
            Ok(transaction) => transaction,
            Err(error) => {
                // Each would only wait as long again, one after the other.
                group.extend(iter::from_fn(|| self.waiting.try_recv().ok()));
                return Err(error);
            }
        };
        let mut kept = 0_u32;
        let mut savepoint = "SAVEPOINT job";
        while let Some(call) = group.last_mut() {
            if !call.is_dropped() {
                // The first call of a group needs no savepoint.
                if kept > 0 {
                    execute(&transaction, savepoint).await?;
                    savepoint = "RELEASE job; SAVEPOINT job";
                }
                let is_done = call.run(&transaction).await;
                if call.is_unavailable() {
                    self.is_failing.store(true, Ordering::Relaxed);
                }
                if is_done {
                    kept += 1;
                } else if kept > 0 {
                    execute(&transaction, "ROLLBACK TO job").await?;
                } else {
                    transaction.rollback().await?;
                    return Ok(0);
                }
            }
            if group.len() >= self.most {
                break;
            }
            let Ok(next) = self.waiting.try_recv() else { break };
            group.push(next);
        }
        commit(transaction).await?;
        histogram!("store_group_size").record(kept);
        Ok(kept)
    }

    /// Notes whether writing works. A group of which nothing was to be stored says nothing about it.
    fn note_outcome(&self, stored: &Result<u32, DbErr>) {
        match stored {
            Ok(0) => {}
            Ok(_) => self.is_failing.store(false, Ordering::Relaxed),
            Err(error) => {
                if matches!(StoreError::from(error.clone()), StoreError::Unavailable(_)) {
                    self.is_failing.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// After some failures (a full disk is one) SQLite has rolled back by itself, and the driver's count of open
    /// transactions is wrong from then on.
    async fn renew_connection(&self) {
        let closed = match self.database.get_sqlite_connection_pool().acquire().await {
            Ok(connection) => connection.close().await,
            Err(error) => Err(error),
        };
        if let Err(error) = closed {
            static LINE: RepeatedLine = RepeatedLine::new();
            if let Some(left_out) = LINE.due() {
                tracing::warn!(%error, left_out, "the connection that writes could not be renewed");
            }
        }
    }
}

/// Unlike `execute_unprepared`, keeps the statement prepared.
async fn execute(transaction: &DatabaseTransaction, sql: &'static str) -> Result<(), DbErr> {
    transaction.execute_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
