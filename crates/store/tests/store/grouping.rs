//! Writers at work at the same moment. On SQLite their changes go to the disk together.

use std::sync::Arc;

use sea_orm::ConnectionTrait;
use store::{Acceptance, Constraint, Options, Store, StoreError};
use tokio::{sync::Barrier, task::JoinSet};

use crate::database::{
    Database, LEASE, NOW, ask, conversation, done, fencing_token, learner, message, on_both_engines, one_conversation,
    token,
};

on_both_engines!(
    what_many_write_at_once_is_stored_exactly_once,
    calls_that_meet_a_conflict_leave_the_others_whole,
    a_second_write_sees_the_first,
    calls_dropped_in_a_crowd_leave_the_others_whole,
);

async fn what_many_write_at_once_is_stored_exactly_once(database: Database) {
    let store = database.open().await;
    let together = Arc::new(Barrier::new(64));
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let (store, together) = (store.clone(), together.clone());
        writers.spawn(async move {
            let (me, mine) = one_conversation(&store).await;
            together.wait().await;
            (me, mine, ask(&store, me, mine, "질문").await)
        });
    }
    for (me, mine, turn) in writers.join_all().await {
        assert_eq!(store.turns(me, mine).await.unwrap(), [turn]);
    }
}

async fn calls_that_meet_a_conflict_leave_the_others_whole(database: Database) {
    let store = database.open().await;
    let together = Arc::new(Barrier::new(64));
    let mut writers = JoinSet::new();
    for pair in 0..32 {
        let token = token();
        for _ in 0..2 {
            let (store, together) = (store.clone(), together.clone());
            writers.spawn(async move {
                together.wait().await;
                (pair, token, store.add_learner(&token, NOW).await)
            });
        }
    }
    let mut outcomes = writers.join_all().await;
    outcomes.sort_by_key(|(pair, _, outcome)| (*pair, outcome.is_err()));
    for pair in outcomes.chunks(2) {
        let [(_, token, Ok(added)), (_, _, Err(error))] = pair else { panic!("{pair:?}") };
        assert!(matches!(error, StoreError::Conflict(Constraint::LearnerToken, _)), "{error:?}");
        assert_eq!(store.learner_by_token(token).await.unwrap(), Some(*added));
    }
}

async fn a_second_write_sees_the_first(database: Database) {
    let store = database.open().await;
    let mut writers = JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        writers.spawn(async move {
            let (me, mine) = one_conversation(&store).await;
            for seq in 1..=5 {
                let turn = ask(&store, me, mine, "질문").await;
                assert_eq!(turn.seq, seq);
                assert!(store.finish_turn(fencing_token(turn.id, 1), &done("답"), NOW).await.unwrap());
                assert!(!store.finish_turn(fencing_token(turn.id, 1), &done("다른 답"), NOW).await.unwrap());
            }
        });
    }
    writers.join_all().await;
}

async fn calls_dropped_in_a_crowd_leave_the_others_whole(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let together = Arc::new(Barrier::new(64));
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let (store, together) = (store.clone(), together.clone());
        let mine = conversation(&store, me).await.id;
        writers.spawn(async move {
            together.wait().await;
            let text = message("질문");
            if writer % 2 > 0 {
                // Gives up at its first chance.
                tokio::select! {
                    biased;
                    accepted = store.accept_turn(me, mine, &text, Some("k"), LEASE, NOW) => drop(accepted.unwrap()),
                    () = tokio::task::yield_now() => {}
                }
            }
            // One that stayed, or comes again.
            let accepted = store.accept_turn(me, mine, &text, Some("k"), LEASE, NOW).await.unwrap();
            let (Acceptance::New(turn, _) | Acceptance::Same(turn)) = accepted else { panic!("{accepted:?}") };
            assert_eq!(store.turns(me, mine).await.unwrap(), [turn]);
        });
    }
    writers.join_all().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn while_another_program_writes_readers_go_on_and_writers_wait() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let other = database.raw().await;
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let mut writers = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        writers.spawn(async move { learner(&store).await });
    }
    for _ in 0..100 {
        assert_eq!(store.turns(me, mine).await.unwrap(), []);
    }
    assert!(writers.try_join_next().is_none(), "nothing is stored before the other is done");
    other.execute_unprepared("ROLLBACK").await.unwrap();
    assert_eq!(writers.join_all().await.len(), 64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn closing_in_a_crowd_loses_nothing_that_was_answered() {
    for group_commits in [true, false] {
        let database = Database::sqlite();
        let store = Store::open_with(&database.url, Options { group_commits, ..Options::default() }).await.unwrap();
        let mut writers = JoinSet::new();
        for _ in 0..64 {
            let store = store.clone();
            writers.spawn(async move {
                let mut stored = Vec::new();
                loop {
                    let token = token();
                    match store.add_learner(&token, NOW).await {
                        Ok(me) => stored.push((token, me)),
                        Err(StoreError::Unavailable(_)) => return stored,
                        Err(error) => panic!("{error:?}"),
                    }
                }
            });
        }
        learner(&store).await;
        store.close().await.unwrap();
        let stored: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
        let again = database.open().await;
        for (token, me) in stored {
            assert_eq!(again.learner_by_token(&token).await.unwrap(), Some(me));
        }
    }
}
