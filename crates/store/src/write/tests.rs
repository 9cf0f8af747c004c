//! What becomes of calls in one group. The first call of each test waits until the others stand behind it.

use std::{
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::FutureExt as _;
use sea_orm::{
    ConnectionTrait, EntityTrait, QuerySelect, Set, SqlxSqliteConnector,
    sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions},
};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::{
    Options,
    entity::learners::{ActiveModel, Column, Entity},
    error::Constraint,
};
use domain::LearnerId;

/// A store on a fresh file, which goes with the folder.
async fn fresh() -> (Store, TempDir) {
    fresh_with(Options::default()).await
}

async fn fresh_with(options: Options) -> (Store, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Store::open_with(&url(&folder), options).await.unwrap(), folder)
}

fn url(folder: &TempDir) -> String {
    format!("sqlite://{}/store.db", folder.path().display())
}

/// Adds a row that is known by its number.
async fn add(db: &DatabaseTransaction, number: u8) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(LearnerId::new().0),
        token_hash: Set(vec![number; 32]),
        created_at: Set(0),
        seen_at: Set(0),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

const NONE: [u8; 0] = [];

/// The numbers that `db` sees, rising.
async fn numbers(db: &impl ConnectionTrait) -> Vec<u8> {
    let tokens: Vec<Vec<u8>> =
        Entity::find().select_only().column(Column::TokenHash).into_tuple().all(db).await.unwrap();
    let mut numbers: Vec<u8> = tokens.iter().map(|token| token[0]).collect();
    numbers.sort_unstable();
    numbers
}

type Written<T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// A call that already stands in the queue, or is being worked on.
fn call<T: Send + 'static>(store: &Store, work: impl Work<T>) -> Written<T> {
    let store = store.clone();
    let mut call: Written<T> = Box::pin(async move { store.write(work).await });
    assert!((&mut call).now_or_never().is_none(), "it has to wait");
    call
}

fn adding(store: &Store, number: u8) -> Written<()> {
    call(store, move |db| Box::pin(add(db, number)))
}

/// Adds and regrets it.
fn failing(store: &Store, number: u8) -> Written<()> {
    call(store, move |db| {
        Box::pin(async move {
            add(db, number).await?;
            Err(StoreError::Refused(DbErr::Custom("regretted".to_owned())))
        })
    })
}

/// A call in the middle of its work.
struct Held {
    call: Written<()>,
    go: oneshot::Sender<()>,
}

impl Held {
    async fn finish(self) -> Result<(), StoreError> {
        self.go.send(()).unwrap();
        self.call.await
    }
}

/// Begins a group with a call that adds the number and then waits, with the writing connection in its hands.
async fn hold(store: &Store, number: u8) -> Held {
    let (begun, has_begun) = oneshot::channel();
    let (go, may_go) = oneshot::channel();
    let call = call(store, move |db| {
        Box::pin(async move {
            add(db, number).await?;
            begun.send(()).unwrap();
            may_go.await.unwrap();
            Ok(())
        })
    });
    has_begun.await.unwrap();
    Held { call, go }
}

fn kind(outcome: Result<(), StoreError>) -> &'static str {
    match outcome {
        Ok(()) => "stored",
        Err(StoreError::Unavailable(_)) => "unavailable",
        Err(StoreError::Busy(_)) => "busy",
        Err(StoreError::Conflict(Constraint::LearnerToken, _)) => "conflict",
        Err(StoreError::Refused(_)) => "refused",
        Err(other) => panic!("{other:?}"),
    }
}

async fn kinds(calls: Vec<Written<()>>) -> Vec<&'static str> {
    futures_util::future::join_all(calls).await.into_iter().map(kind).collect()
}

#[tokio::test]
async fn calls_that_wait_share_a_transaction_and_readers_wait_for_none() {
    let (store, _folder) = fresh().await;
    let first = hold(&store, 1).await;
    let (begun, has_begun) = oneshot::channel();
    let (go, may_go) = oneshot::channel::<()>();
    let second = call(&store, move |db| {
        Box::pin(async move {
            add(db, 2).await?;
            begun.send(numbers(db).await).unwrap();
            may_go.await.unwrap();
            Ok(())
        })
    });
    assert_eq!(numbers(&store.reader).await, NONE);
    first.go.send(()).unwrap();
    assert_eq!(has_begun.await.unwrap(), [1, 2]);
    assert_eq!(numbers(&store.reader).await, NONE, "the first waits for the commit of both");
    go.send(()).unwrap();
    assert_eq!(kinds(vec![first.call, second]).await, ["stored"; 2]);
    assert_eq!(numbers(&store.reader).await, [1, 2]);
}

#[tokio::test]
async fn one_commit_each_is_had_by_an_option() {
    let (store, _folder) = fresh_with(Options { group_commits: false, ..Options::default() }).await;
    let first = hold(&store, 1).await;
    let reader = store.reader.clone();
    let second = call(&store, move |_| Box::pin(async move { Ok(numbers(&reader).await) }));
    first.finish().await.unwrap();
    assert_eq!(second.await.unwrap(), [1]);
}

#[tokio::test]
async fn calls_that_fail_change_nothing_and_leave_the_others_whole() {
    let (store, _folder) = fresh().await;
    let first = hold(&store, 0).await;
    let calls = (1..=60).map(|n| if n % 3 == 0 { failing(&store, n) } else { adding(&store, n) }).collect();
    first.finish().await.unwrap();
    let expected: Vec<_> = (1..=60).map(|n| if n % 3 == 0 { "refused" } else { "stored" }).collect();
    assert_eq!(kinds(calls).await, expected);
    assert_eq!(numbers(&store.reader).await, (0..=60).filter(|n| *n == 0 || n % 3 > 0).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_group_whose_first_calls_fail_stores_the_rest() {
    let (store, _folder) = fresh().await;
    let (go, may_go) = oneshot::channel();
    let (begun, has_begun) = oneshot::channel();
    let mut calls = vec![call(&store, move |db| {
        Box::pin(async move {
            add(db, 0).await?;
            begun.send(()).unwrap();
            may_go.await.unwrap();
            Err(StoreError::unreadable("a column"))
        })
    })];
    has_begun.await.unwrap();
    calls.extend([failing(&store, 1), failing(&store, 2), adding(&store, 3), failing(&store, 4), adding(&store, 5)]);
    go.send(()).unwrap();
    assert!(matches!(calls.remove(0).await, Err(StoreError::Corrupt(_))));
    assert_eq!(kinds(calls).await, ["refused", "refused", "stored", "refused", "stored"]);
    assert_eq!(numbers(&store.reader).await, [3, 5]);
}

#[tokio::test]
async fn of_two_equal_calls_of_a_group_one_meets_a_conflict() {
    let (store, _folder) = fresh().await;
    let first = hold(&store, 1).await;
    let calls = vec![adding(&store, 2), adding(&store, 2), adding(&store, 3), adding(&store, 1)];
    first.finish().await.unwrap();
    assert_eq!(kinds(calls).await, ["stored", "conflict", "stored", "conflict"]);
    assert_eq!(numbers(&store.reader).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_panic_is_an_error_for_its_caller_alone() {
    let (store, _folder) = fresh().await;
    let first = hold(&store, 1).await;
    let calls = vec![
        adding(&store, 2),
        call(&store, |db| {
            Box::pin(async move {
                add(db, 3).await?;
                panic!("on purpose, at work")
            })
        }),
        call(&store, |_| panic!("on purpose, before the work")),
        adding(&store, 4),
    ];
    first.finish().await.unwrap();
    assert_eq!(kinds(calls).await, ["stored", "refused", "refused", "stored"]);
    assert_eq!(numbers(&store.reader).await, [1, 2, 4]);
}

#[tokio::test]
async fn a_call_dropped_before_its_work_is_skipped_and_one_dropped_later_is_stored() {
    static RAN: AtomicBool = AtomicBool::new(false);
    let (store, _folder) = fresh().await;
    let first = hold(&store, 1).await;
    let dropped = call(&store, |db| {
        Box::pin(async move {
            RAN.store(true, Ordering::Relaxed);
            add(db, 2).await
        })
    });
    let third = adding(&store, 3);
    drop(dropped);
    drop(first.call);
    first.go.send(()).unwrap();
    third.await.unwrap();
    assert_eq!(numbers(&store.reader).await, [1, 3]);
    assert!(!RAN.load(Ordering::Relaxed));
}

#[tokio::test]
async fn closing_stores_what_waits_and_refuses_what_comes_later() {
    let (store, folder) = fresh().await;
    let first = hold(&store, 0).await;
    let calls: Vec<_> = (1..=5).map(|number| adding(&store, number)).collect();
    let closing = [store.clone(), store.clone()].map(|store| tokio::spawn(async move { store.close().await }));
    let Writer::Grouped(queue) = &store.writer else { panic!("this is SQLite") };
    // Its side of the queue is closed first, then it's emptied.
    first.go.send(()).unwrap();
    queue.calls.closed().await;
    assert_eq!(kind(store.write(|db| Box::pin(add(db, 6))).await), "unavailable");
    assert_eq!(kinds(calls).await, ["stored"; 5]);
    first.call.await.unwrap();
    for closing in closing {
        closing.await.unwrap().unwrap();
    }
    let store = Store::open(&url(&folder)).await.unwrap();
    assert_eq!(numbers(&store.reader).await, [0, 1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn the_task_ends_with_the_last_clone_of_its_store() {
    let (store, _folder) = fresh().await;
    let Writer::Grouped(queue) = &store.writer else { panic!("this is SQLite") };
    let task = queue.task.clone();
    let clone = store.clone();
    drop(store);
    adding(&clone, 1).await.unwrap();
    assert!(!task.is_empty());
    let last = hold(&clone, 2).await;
    drop(clone);
    last.finish().await.unwrap();
    task.wait().await;
}

#[tokio::test]
async fn a_commit_that_fails_is_told_to_all_and_stores_none() {
    let (store, _folder) = fresh().await;
    let first = hold(&store, 1).await;
    let calls = vec![
        adding(&store, 2),
        // A conversation without a learner, which SQLite notices only when it commits.
        call(&store, |db| {
            Box::pin(async move {
                db.execute_unprepared("PRAGMA defer_foreign_keys = ON").await?;
                let orphan = "INSERT INTO conversations VALUES (randomblob(16), randomblob(16), '주제', 0, 0)";
                db.execute_unprepared(orphan).await?;
                Ok(())
            })
        }),
        failing(&store, 3),
        adding(&store, 4),
    ];
    assert_eq!(kind(first.finish().await), "unavailable");
    assert_eq!(kinds(calls).await, ["unavailable"; 4]);
    assert_eq!(numbers(&store.reader).await, NONE);
    adding(&store, 5).await.unwrap();
    assert_eq!(numbers(&store.reader).await, [5]);
}

#[tokio::test]
async fn a_transaction_that_sqlite_gave_up_is_told_to_all_and_stores_none() {
    for has_others in [true, false] {
        let (store, _folder) = fresh().await;
        adding(&store, 1).await.unwrap();
        let first = if has_others { Some(hold(&store, 2).await) } else { None };
        // What a failing disk does in its own time.
        let giving_up = call(&store, |db| {
            Box::pin(async move {
                let twice = "INSERT OR ROLLBACK INTO learners SELECT randomblob(16), token_hash, 0, 0 FROM learners";
                db.execute_unprepared(twice).await?;
                Ok(())
            })
        });
        if let Some(first) = first {
            let last = adding(&store, 3);
            assert_eq!(kind(first.finish().await), "unavailable");
            // It stands behind the lost group, and was never begun.
            assert_eq!(kind(last.await), "stored");
        }
        assert_eq!(kind(giving_up.await), "unavailable");
        // A driver that still counts the lost transaction would open the next ones inside it, and commit none.
        assert_eq!(kind(failing(&store, 4).await), "refused");
        adding(&store, 5).await.unwrap();
        let expected: &[u8] = if has_others { &[1, 3, 5] } else { &[1, 5] };
        assert_eq!(numbers(&store.reader).await, expected);
    }
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_told_as_stored_that_is_not() {
    let (store, _folder) = fresh().await;
    let first = hold(&store, 0).await;
    let limit = call(&store, |db| {
        Box::pin(async move {
            // Fewer than there are already means as many as there are.
            db.execute_unprepared("PRAGMA max_page_count = 1").await?;
            Ok(())
        })
    });
    let calls: Vec<_> = (1..=200).map(|number| adding(&store, number)).collect();
    let first = kind(first.finish().await);
    assert_eq!(kind(limit.await), "unavailable");
    let outcomes = kinds(calls).await;
    let stored: Vec<u8> = (0..=200)
        .zip([first].into_iter().chain(outcomes))
        .filter_map(|(number, outcome)| match outcome {
            "stored" => Some(number),
            "unavailable" => None,
            other => panic!("{number}: {other}"),
        })
        .collect();
    assert_eq!(numbers(&store.reader).await, stored);
    adding(&store, 201).await.unwrap();
    assert!(numbers(&store.reader).await.ends_with(&[201]));
}

#[tokio::test]
async fn a_lock_that_is_not_given_in_time_is_told_to_all_who_wait() {
    let (store, folder) = fresh().await;
    let file = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let open = |busy_timeout| {
        let pool = SqlitePoolOptions::new().max_connections(1);
        pool.connect_lazy_with(file.clone().busy_timeout(busy_timeout))
    };
    let impatient = SqlxSqliteConnector::from_sqlx_sqlite_pool(open(Duration::ZERO));
    let store = Store { writer: Writer::Grouped(Queue::start(impatient, MAX_GROUP, Duration::from_secs(10))), ..store };
    let other = SqlxSqliteConnector::from_sqlx_sqlite_pool(open(Duration::ZERO));
    let locked = other.begin_with_options(IMMEDIATE).await.unwrap();
    // The task first polls when this test waits.
    let calls = vec![adding(&store, 1), adding(&store, 2), adding(&store, 3)];
    assert_eq!(kinds(calls).await, ["busy"; 3]);
    locked.rollback().await.unwrap();
    adding(&store, 4).await.unwrap();
    assert_eq!(numbers(&store.reader).await, [4]);
}

#[tokio::test]
async fn a_queue_that_stays_full_is_reported_as_unavailable() {
    let (store, _folder) = fresh().await;
    let Writer::Grouped(queue) = &store.writer else { panic!("this is SQLite") };
    let queue = Queue::start(queue.database.clone(), MAX_GROUP, Duration::from_millis(1));
    let store = Store { writer: Writer::Grouped(queue), ..store };
    let first = hold(&store, 0).await;
    let waiting: Vec<_> = (0..MAX_GROUP).map(|_| call(&store, |_| Box::pin(async { Ok(()) }))).collect();
    assert_eq!(kind(store.write(|db| Box::pin(add(db, 1))).await), "unavailable");
    first.finish().await.unwrap();
    assert_eq!(kinds(waiting).await, ["stored"; MAX_GROUP]);
    assert_eq!(numbers(&store.reader).await, [0]);
}
