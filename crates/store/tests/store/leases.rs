use std::time::Duration;

use domain::turn::TurnState;
use sea_orm::{ConnectionTrait, Statement};
use store::{FencingToken, Lease, LeaseGrant, LeaseMode, Store};
use tokio::task::JoinSet;

use crate::database::{
    Database, NOW, ask_under, conversation, done, ended, fencing_token, learner, message, on_both_engines,
    one_conversation, read,
};

on_both_engines!(
    every_lease_has_a_higher_number,
    instances_that_share_serve_together,
    one_that_serves_alone_is_left_in_peace,
    one_that_succeeds_takes_everything_over,
    of_many_that_want_to_serve_alone_one_does,
    an_expired_lease_is_revoked_and_its_turns_are_interrupted,
    an_expired_lease_that_is_not_revoked_can_be_renewed,
    a_late_writer_with_a_revoked_lease_changes_nothing,
    a_turn_accepted_under_a_revoked_lease_is_interrupted_too,
    a_lease_given_back_leaves_nothing_running,
    a_turn_tried_again_is_held_by_who_tries,
    a_cancel_request_reaches_the_instance_that_runs_the_turn,
    turns_of_a_version_without_leases_are_given_up_when_they_are_old,
    a_database_says_whether_it_is_and_was_served,
    revoked_leases_are_deleted_and_what_ran_under_them_is_interrupted_all_the_same,
);

const LONG: Duration = Duration::from_secs(600);
const NONE: Duration = Duration::ZERO;

async fn take(store: &Store, mode: LeaseMode, lifetime: Duration) -> Lease {
    match store.take_lease("test", mode, lifetime).await.unwrap() {
        LeaseGrant::Granted { lease, .. } => lease,
        LeaseGrant::Refused { holder } => panic!("refused for {holder}"),
    }
}

async fn every_lease_has_a_higher_number(database: Database) {
    let store = database.open().await;
    let mut last = take(&store, LeaseMode::Shared, LONG).await;
    for _ in 0..5 {
        store.release_lease(last).await.unwrap();
        let next = take(&store, LeaseMode::Shared, LONG).await;
        assert!(next > last, "{next:?} after {last:?}");
        last = next;
    }
}

async fn instances_that_share_serve_together(database: Database) {
    let [one, other] = [database.open().await, database.open().await];
    let [first, second] = [take(&one, LeaseMode::Shared, LONG).await, take(&other, LeaseMode::Shared, LONG).await];
    assert_ne!(first, second);
    assert!(one.renew_lease(first, LONG).await.unwrap());
    assert!(other.renew_lease(second, LONG).await.unwrap());
}

async fn one_that_serves_alone_is_left_in_peace(database: Database) {
    let store = database.open().await;
    let lease = take(&store, LeaseMode::Exclusive, LONG).await;
    for mode in [LeaseMode::Exclusive, LeaseMode::Shared] {
        let refused = store.take_lease("other", mode, LONG).await.unwrap();
        assert_eq!(refused, LeaseGrant::Refused { holder: "test".to_owned() });
    }
    store.release_lease(lease).await.unwrap();
    take(&store, LeaseMode::Shared, LONG).await;
    assert!(matches!(store.take_lease("other", LeaseMode::Exclusive, LONG).await.unwrap(), LeaseGrant::Refused { .. }));
}

async fn one_that_succeeds_takes_everything_over(database: Database) {
    let store = database.open().await;
    let old = take(&store, LeaseMode::Exclusive, LONG).await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "질문", old).await;
    let taken = store.take_lease("successor", LeaseMode::TakeOver, LONG).await.unwrap();
    assert!(matches!(taken, LeaseGrant::Granted { interrupted: 1, .. }), "{taken:?}");
    assert_eq!(read(&store, me, turn.id).await.state, TurnState::Interrupted);
    assert!(!store.renew_lease(old, LONG).await.unwrap());
}

async fn of_many_that_want_to_serve_alone_one_does(database: Database) {
    let mut taking = JoinSet::new();
    for _ in 0..8 {
        let store = database.open().await;
        taking.spawn(async move { store.take_lease("test", LeaseMode::Exclusive, LONG).await.unwrap() });
    }
    let outcomes = taking.join_all().await;
    assert_eq!(
        outcomes.iter().filter(|outcome| matches!(outcome, LeaseGrant::Granted { .. })).count(),
        1,
        "{outcomes:?}"
    );
}

async fn an_expired_lease_is_revoked_and_its_turns_are_interrupted(database: Database) {
    let store = database.open().await;
    let [expired, alive] = [NONE, LONG].map(|lifetime| take(&store, LeaseMode::Shared, lifetime));
    let (expired, alive) = (expired.await, alive.await);
    let (me, mine) = one_conversation(&store).await;
    let other = conversation(&store, me).await.id;
    let lost = ask_under(&store, me, mine, "잃어버릴 질문", expired).await;
    let kept = ask_under(&store, me, other, "계속되는 질문", alive).await;
    assert_eq!(store.expire_leases().await.unwrap(), 1);
    assert_eq!(store.expire_leases().await.unwrap(), 0);
    assert_eq!(read(&store, me, lost.id).await.state, TurnState::Interrupted);
    assert_eq!(read(&store, me, kept.id).await.state, TurnState::Answering);
    assert!(store.running_turns(expired).await.unwrap().is_empty());
}

async fn an_expired_lease_that_is_not_revoked_can_be_renewed(database: Database) {
    let store = database.open().await;
    let lease = take(&store, LeaseMode::Shared, NONE).await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "질문", lease).await;
    assert!(store.renew_lease(lease, LONG).await.unwrap());
    assert_eq!(store.expire_leases().await.unwrap(), 0);
    let fencing_token = FencingToken { turn: turn.id, attempt: 1, lease };
    assert!(store.finish_turn(fencing_token, &done("답"), NOW).await.unwrap());
}

async fn a_late_writer_with_a_revoked_lease_changes_nothing(database: Database) {
    let store = database.open().await;
    let expired = take(&store, LeaseMode::Shared, NONE).await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "질문", expired).await;
    store.expire_leases().await.unwrap();
    let late = FencingToken { turn: turn.id, attempt: 1, lease: expired };
    assert!(!store.finish_turn(late, &done("늦은 답"), NOW).await.unwrap());

    // Also while another holds the turn, be it the same try by number.
    let alive = take(&store, LeaseMode::Shared, LONG).await;
    store.retry_turn(me, turn.id, alive, NOW).await.unwrap();
    for attempt in [1, 2] {
        assert!(!store.finish_turn(FencingToken { attempt, ..late }, &done("늦은 답"), NOW).await.unwrap());
    }
    let stored = read(&store, me, turn.id).await;
    assert_eq!((stored.state, stored.answer.as_str(), stored.feedback), (TurnState::Answering, "", None));
    assert_eq!(store.tokens_since(0).await.unwrap(), 0);
    assert!(
        store.finish_turn(FencingToken { turn: turn.id, attempt: 2, lease: alive }, &done("답"), NOW).await.unwrap()
    );
}

async fn a_turn_accepted_under_a_revoked_lease_is_interrupted_too(database: Database) {
    let store = database.open().await;
    let expired = take(&store, LeaseMode::Shared, NONE).await;
    store.expire_leases().await.unwrap();
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "죽은 줄 모르는 서버의 질문", expired).await;
    assert_eq!(store.expire_leases().await.unwrap(), 1);
    assert_eq!(read(&store, me, turn.id).await.state, TurnState::Interrupted);
}

async fn a_lease_given_back_leaves_nothing_running(database: Database) {
    let store = database.open().await;
    let lease = take(&store, LeaseMode::Shared, LONG).await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "질문", lease).await;
    store.release_lease(lease).await.unwrap();
    assert_eq!(read(&store, me, turn.id).await.state, TurnState::Interrupted);
    assert!(!store.renew_lease(lease, LONG).await.unwrap());
    assert!(!store.is_served().await.unwrap());
}

async fn a_turn_tried_again_is_held_by_who_tries(database: Database) {
    let store = database.open().await;
    let [one, other] = [take(&store, LeaseMode::Shared, LONG).await, take(&store, LeaseMode::Shared, LONG).await];
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "질문", one).await;
    store.interrupt_running(NOW).await.unwrap();
    assert_eq!(store.running_turns(one).await.unwrap(), []);
    store.retry_turn(me, turn.id, other, NOW).await.unwrap();
    let held = store.running_turns(other).await.unwrap();
    assert_eq!(held.len(), 1);
    assert_eq!(held[0].fencing_token, FencingToken { turn: turn.id, attempt: 2, lease: other });
}

async fn a_cancel_request_reaches_the_instance_that_runs_the_turn(database: Database) {
    let [here, there] = [database.open().await, database.open().await];
    let lease = take(&here, LeaseMode::Shared, LONG).await;
    let (me, mine) = one_conversation(&here).await;
    let turn = ask_under(&here, me, mine, "질문", lease).await;
    assert!(!here.running_turns(lease).await.unwrap()[0].is_cancel_requested);
    assert_eq!(there.running_turn(mine).await.unwrap(), Some(turn.id));
    assert!(there.request_cancel(turn.id).await.unwrap());
    assert!(here.running_turns(lease).await.unwrap()[0].is_cancel_requested);

    let fencing_token = FencingToken { turn: turn.id, attempt: 1, lease };
    assert!(here.finish_turn(fencing_token, &ended(TurnState::Cancelled), NOW).await.unwrap());
    assert!(!there.request_cancel(turn.id).await.unwrap());
    assert_eq!(there.running_turn(mine).await.unwrap(), None);
    // The next attempt begins without the cancel request.
    here.retry_turn(me, turn.id, lease, NOW).await.unwrap();
    assert!(!here.running_turns(lease).await.unwrap()[0].is_cancel_requested);
    let status = there.turn_statuses(&[turn.id]).await.unwrap();
    assert_eq!((status[0].attempt, status[0].state), (2, TurnState::Answering));
}

async fn turns_of_a_version_without_leases_are_given_up_when_they_are_old(database: Database) {
    let store = database.open().await;
    let me = learner(&store).await;
    let [old, young] = [conversation(&store, me).await.id, conversation(&store, me).await.id];
    let forgotten = ask_under(&store, me, old, "오래된 질문", Lease(1)).await;
    let now = store::now();
    store.accept_turn(me, young, &message("새 질문"), None, Lease(1), now).await.unwrap();
    database.raw().await.execute_unprepared("UPDATE turns SET lease = NULL").await.unwrap();
    let taken = store.take_lease("test", LeaseMode::Shared, LONG).await.unwrap();
    assert!(matches!(taken, LeaseGrant::Granted { interrupted: 1, .. }), "{taken:?}");
    assert_eq!(read(&store, me, forgotten.id).await.state, TurnState::Interrupted);
    assert!(!store.finish_turn(fencing_token(forgotten.id, 1), &done("늦은 답"), NOW).await.unwrap());
}

async fn a_database_says_whether_it_is_and_was_served(database: Database) {
    let store = database.open().await;
    assert_eq!((store.is_served().await.unwrap(), store.was_ever_served().await.unwrap()), (false, false));
    let lease = take(&store, LeaseMode::Shared, LONG).await;
    assert_eq!((store.is_served().await.unwrap(), store.was_ever_served().await.unwrap()), (true, true));
    store.release_lease(lease).await.unwrap();
    assert_eq!((store.is_served().await.unwrap(), store.was_ever_served().await.unwrap()), (false, true));
}

async fn revoked_leases_are_deleted_and_what_ran_under_them_is_interrupted_all_the_same(database: Database) {
    let store = database.open().await;
    let alive = take(&store, LeaseMode::Shared, LONG).await;
    let mut last = alive;
    for _ in 0..30 {
        last = take(&store, LeaseMode::Shared, LONG).await;
        store.release_lease(last).await.unwrap();
    }
    store.purge_unused(0).await.unwrap();
    assert_eq!(leases(&database).await, [alive.0, last.0]);
    // An instance that slept so long takes a question under a lease that isn't there any more.
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_under(&store, me, mine, "늦은 질문", Lease(last.0 - 1)).await;
    let kept = ask_under(&store, me, conversation(&store, me).await.id, "계속되는 질문", alive).await;
    assert_eq!(store.expire_leases().await.unwrap(), 1);
    assert_eq!(read(&store, me, turn.id).await.state, TurnState::Interrupted);
    assert_eq!(read(&store, me, kept.id).await.state, TurnState::Answering);
    assert!(!store.renew_lease(Lease(last.0 - 1), LONG).await.unwrap());
    // No number is given out twice, also when all are gone but the newest.
    store.release_lease(alive).await.unwrap();
    store.purge_unused(0).await.unwrap();
    assert_eq!(leases(&database).await, [last.0]);
    assert!(store.was_ever_served().await.unwrap());
    assert!(take(&store, LeaseMode::Shared, LONG).await > last);
}

/// The numbers of the stored leases, rising.
async fn leases(database: &Database) -> Vec<i64> {
    let raw = database.raw().await;
    let sql = Statement::from_string(raw.get_database_backend(), "SELECT id FROM leases ORDER BY id");
    raw.query_all_raw(sql).await.unwrap().iter().map(|row| row.try_get("", "id").unwrap()).collect()
}
