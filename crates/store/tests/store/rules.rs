//! What the database itself forbids, were the program to forget it. Written past the store, in plain SQL.

use domain::turn::TurnState;
use sea_orm::{ConnectionTrait, DbErr};
use store::{Constraint, StoreError};

use crate::database::{
    Database, LEASE, NOW, ask_and_end, ended, message, on_both_engines, one_conversation, read, retry,
};

on_both_engines!(
    two_turns_never_share_a_place,
    two_turns_never_share_a_key,
    two_turns_of_a_conversation_never_run_together,
    an_unknown_state_is_reported_as_corrupt,
);

/// A conversation whose first turn has the key `k` and was cancelled; then `sql` meets the database.
async fn after_one_turn(database: &Database, sql: &str) -> Result<(), DbErr> {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    store.accept_turn(me, mine, &message("질문"), Some("k"), LEASE, NOW).await.unwrap();
    store.interrupt_running(NOW).await.unwrap();
    let raw = database.raw().await;
    let done = raw.execute_unprepared(sql).await.map(drop);
    raw.close().await.unwrap();
    store.close().await.unwrap();
    done
}

fn conflict(result: Result<(), DbErr>) -> Constraint {
    match StoreError::from(result.unwrap_err()) {
        StoreError::Conflict(constraint, _) => constraint,
        other => panic!("no conflict: {other:?}"),
    }
}

/// Copies the only turn, with some columns changed. Its conversation's id serves as one that no turn has.
fn copy(seq: &str, key: &str, state: &str) -> String {
    format!(
        "INSERT INTO turns (id, conversation_id, seq, message, idempotency_key, state, attempt, created_at)
         SELECT conversation_id, conversation_id, {seq}, message, {key}, {state}, attempt, created_at FROM turns"
    )
}

async fn two_turns_never_share_a_place(database: Database) {
    let broken = after_one_turn(&database, &copy("seq", "NULL", "state")).await;
    assert_eq!(conflict(broken), Constraint::TurnPlace);
}

async fn two_turns_never_share_a_key(database: Database) {
    let broken = after_one_turn(&database, &copy("seq + 1", "idempotency_key", "state")).await;
    assert_eq!(conflict(broken), Constraint::TurnKey);
}

async fn two_turns_of_a_conversation_never_run_together(database: Database) {
    after_one_turn(&database, &copy("seq + 1", "NULL", "'accepted'")).await.unwrap();
    let raw = database.raw().await;
    let broken = raw.execute_unprepared("UPDATE turns SET state = 'answering'").await.map(drop);
    assert_eq!(conflict(broken), Constraint::TurnRunning);
}

async fn an_unknown_state_is_reported_as_corrupt(database: Database) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask_and_end(&store, me, mine, "질문", &ended(TurnState::Failed)).await;
    let raw = database.raw().await;
    for (broken, mended) in [("state = 'dozing'", "state = 'failed'"), ("attempt = -1", "attempt = 1")] {
        raw.execute_unprepared(&format!("UPDATE turns SET {broken}")).await.unwrap();
        let error = store.turn(me, turn.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
        raw.execute_unprepared(&format!("UPDATE turns SET {mended}")).await.unwrap();
    }
    assert_eq!(read(&store, me, turn.id).await, turn);
    retry(&store, me, turn.id).await;
}
