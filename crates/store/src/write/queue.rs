//! The queue of calls on SQLite, and the task that runs them in groups.

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
use metrics::histogram;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement,
    TransactionTrait,
};
use tokio::sync::{
    Notify,
    mpsc::{self, error::SendTimeoutError},
    oneshot,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{IMMEDIATE, Work, commit, count_failure};
use crate::{StoreError, truncation::Truncation};
use logging::RepeatedLine;

/// Calls that one commit stores at most, so that the first of them isn't kept waiting by an endless row of others; and
/// calls that wait at most, before the next ones wait for a place in the queue.
pub(crate) const MAX_GROUP: usize = 256;

/// The way to the task that writes. The task ends when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Queue {
    pub(super) calls: mpsc::Sender<Box<dyn Call>>,
    /// How long a call waits for a place.
    wait_limit: Duration,
    closing: CancellationToken,
    /// Wakes the task when the write-ahead log is to be emptied.
    pub(crate) truncation: Arc<Notify>,
    /// Whether the last commit failed for want of room, of a disk, or of the right to write.
    pub(crate) is_failing: Arc<AtomicBool>,
    pub(super) task: TaskTracker,
    pub(crate) database: DatabaseConnection,
}

impl Queue {
    /// Starts the task. `database` is a pool of one SQLite connection, and `most` what a group holds at most.
    pub(crate) fn start(database: DatabaseConnection, most: usize, wait_limit: Duration) -> Self {
        let (calls, waiting) = mpsc::channel(MAX_GROUP);
        let queue = Self {
            calls,
            wait_limit,
            closing: CancellationToken::new(),
            truncation: Arc::default(),
            is_failing: Arc::default(),
            task: TaskTracker::new(),
            database: database.clone(),
        };
        let truncation = Truncation::new(queue.truncation.clone());
        let is_failing = queue.is_failing.clone();
        queue.task.spawn(GroupWriter { database, waiting, most, truncation, is_failing }.run(queue.closing.clone()));
        queue.task.close();
        queue
    }

    pub(crate) async fn write<T: Send + 'static, W: Work<T>>(&self, work: W) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        let call = Box::new(QueuedCall { work: Some(work), outcome: None, answer, called: Instant::now() });
        self.calls.send_timeout(call, self.wait_limit).await.map_err(|error| {
            DbErr::ConnectionAcquire(match error {
                SendTimeoutError::Timeout(_) => ConnAcquireErr::Timeout,
                SendTimeoutError::Closed(_) => ConnAcquireErr::ConnectionClosed,
            })
        })?;
        answered.await.unwrap_or(Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed).into()))
    }

    /// How many calls wait.
    pub(crate) fn length(&self) -> usize {
        self.calls.max_capacity() - self.calls.capacity()
    }

    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        self.closing.cancel();
        self.task.wait().await;
        self.database.close_by_ref().await
    }
}

/// A call in the queue, whatever it answers with.
pub(super) trait Call: Send {
    /// Whether the caller dropped the future.
    fn is_dropped(&self) -> bool;

    /// Does the work, once; `false` if what it changed is to be undone.
    fn run<'t>(&'t mut self, transaction: &'t DatabaseTransaction) -> BoxFuture<'t, bool>;

    /// Whether the work failed because the database could not do it at this time.
    fn is_unavailable(&self) -> bool;

    /// Answers with the result of the work or, if its group wasn't stored, with that error.
    fn answer(self: Box<Self>, stored: Result<(), DbErr>);
}

struct QueuedCall<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, StoreError>>,
    answer: oneshot::Sender<Result<T, StoreError>>,
    called: Instant,
}

impl<T: Send + 'static, W: Work<T>> Call for QueuedCall<T, W> {
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
            (Err(error), _) => Err(group_error(error)),
        };
        // The caller may have been dropped.
        let _ = self.answer.send(outcome);
    }
}

/// The error of a group that could not be stored. No call of it is to blame, and later all of it may work.
fn group_error(error: DbErr) -> StoreError {
    match error.into() {
        StoreError::Refused(error) | StoreError::Conflict(_, error) => StoreError::Unavailable(error),
        other => other,
    }
}

/// The task that writes.
struct GroupWriter {
    database: DatabaseConnection,
    waiting: mpsc::Receiver<Box<dyn Call>>,
    most: usize,
    truncation: Truncation,
    is_failing: Arc<AtomicBool>,
}

impl GroupWriter {
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
                count_failure();
                static LINE: RepeatedLine = RepeatedLine::new();
                if let Some(left_out) = LINE.due() {
                    tracing::warn!(%error, writes = group.len(), left_out, "writes could not be stored");
                }
                self.renew_connection().await;
            }
            self.record_outcome(&stored);
            for call in group {
                call.answer(stored.clone().map(drop));
            }
        }
    }

    /// Runs the call in the group, and those that wait, which thereby become part of it; and commits.
    /// Returns how many calls were stored.
    async fn store(&mut self, group: &mut Vec<Box<dyn Call>>) -> Result<u32, DbErr> {
        let transaction = match self.database.begin_with_options(IMMEDIATE).await {
            Ok(transaction) => transaction,
            Err(error) => {
                // Each would only wait as long again, one after the other.
                group.extend(iter::from_fn(|| self.waiting.try_recv().ok()));
                return Err(error);
            }
        };
        let mut stored_calls = 0_u32;
        let mut savepoint = "SAVEPOINT job";
        while let Some(call) = group.last_mut() {
            if !call.is_dropped() {
                // The first call of a group needs no savepoint.
                if stored_calls > 0 {
                    execute(&transaction, savepoint).await?;
                    savepoint = "RELEASE job; SAVEPOINT job";
                }
                let is_done = call.run(&transaction).await;
                if call.is_unavailable() {
                    self.is_failing.store(true, Ordering::Relaxed);
                }
                if is_done {
                    stored_calls += 1;
                } else if stored_calls > 0 {
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
        histogram!("store_group_size").record(stored_calls);
        Ok(stored_calls)
    }

    /// Records whether writing works. A group without anything to store shows nothing about it.
    fn record_outcome(&self, stored: &Result<u32, DbErr>) {
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

/// Unlike `execute_unprepared`, caches the prepared statement.
async fn execute(transaction: &DatabaseTransaction, sql: &'static str) -> Result<(), DbErr> {
    transaction.execute_raw(Statement::from_string(DbBackend::Sqlite, sql)).await?;
    Ok(())
}
