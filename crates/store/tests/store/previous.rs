//! Two versions side by side: during an update, instances of the previous version serve on the new tables.
//!
//! `previous.sql` holds every statement of that version, as PostgreSQL logs them (`log_statement = all`) while that
//! version runs these tests. With a release it is made anew.

use std::time::Duration;

use domain::{
    ConversationId, LearnerId, TurnId,
    turn::{Outcome, Reason, TurnState},
};
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, Value};
use store::{Lease, LeaseGrant, LeaseMode, Store, StoreError};
use uuid::Uuid;

use crate::database::{
    Database, NOW, ask, ask_and_end, done, ended, fencing_token, on_both_engines, one_conversation, read, retry, token,
};

on_both_engines!(
    the_previous_version_can_say_all_it_says,
    what_the_previous_version_writes_this_one_reads,
    what_this_version_writes_the_previous_one_reads,
    a_turn_of_the_previous_version_is_left_to_it,
    only_words_that_the_previous_version_knows_are_stored,
    steps_of_a_newer_version_are_no_hindrance_unless_they_contract,
);

const STATEMENTS: &str = include_str!("previous.sql");

fn statements() -> impl Iterator<Item = &'static str> {
    STATEMENTS.lines().filter(|line| !line.starts_with("--"))
}

/// The one statement of the previous version that begins and goes on like this.
fn statement(begins: &str, has: &str) -> &'static str {
    let mut found = statements().filter(|line| line.starts_with(begins) && line.contains(has));
    let statement = found.next().unwrap_or_else(|| panic!("no {begins} … {has}"));
    assert_eq!(found.next(), None, "{begins} … {has} is said in two ways");
    statement
}

/// SQLite has no row locks, and the previous version asks it for none.
fn for_engine(raw: &DatabaseConnection, statement: &str) -> String {
    match raw.get_database_backend() {
        DbBackend::Sqlite => statement.replace(" FOR UPDATE", "").replace(" FOR SHARE", ""),
        _ => statement.to_owned(),
    }
}

async fn say(raw: &DatabaseConnection, statement: &str, values: Vec<Value>) -> u64 {
    let said = Statement::from_sql_and_values(raw.get_database_backend(), for_engine(raw, statement), values);
    raw.execute_raw(said).await.unwrap().rows_affected()
}

async fn the_previous_version_can_say_all_it_says(database: Database) {
    database.open().await.close().await.unwrap();
    let raw = database.raw().await;
    assert!(statements().count() > 25);
    for (number, statement) in statements().enumerate() {
        let statement = for_engine(&raw, statement);
        let prepared = match raw.get_database_backend() {
            DbBackend::Sqlite => format!("EXPLAIN {statement}"),
            _ => format!("PREPARE previous_{number} AS {statement}"),
        };
        raw.execute_unprepared(&prepared).await.unwrap_or_else(|error| panic!("{error}: {statement}"));
    }
}

/// A learner, a conversation and an accepted turn as the previous version writes them.
async fn ask_as_before(raw: &DatabaseConnection, created_at: i64) -> (LearnerId, ConversationId, TurnId) {
    let [learner, conversation, turn] = [Uuid::now_v7(), Uuid::now_v7(), Uuid::now_v7()];
    let at = || Value::from(created_at);
    say(raw, statement("INSERT INTO \"learners\"", ""), vec![learner.into(), token().to_vec().into(), at(), at()])
        .await;
    let values = vec![conversation.into(), learner.into(), "과학".into(), at(), at()];
    say(raw, statement("INSERT INTO \"conversations\"", ""), values).await;
    let none = || Value::from(None::<String>);
    let values = vec![
        turn.into(),
        conversation.into(),
        1i64.into(),
        "질문".into(),
        none(),
        "accepted".into(),
        none(),
        1i64.into(),
        "".into(),
        at(),
        None::<i64>.into(),
    ];
    say(raw, statement("INSERT INTO \"turns\"", ""), values).await;
    (LearnerId(learner), ConversationId(conversation), TurnId(turn))
}

async fn finish_as_before(raw: &DatabaseConnection, turn: TurnId, attempt: i64, answer: &str) -> u64 {
    let finish = statement("UPDATE \"turns\" SET \"state\"", "\"answer\" = $3");
    let values = vec![
        "done".into(),
        None::<String>.into(),
        answer.into(),
        NOW.into(),
        turn.0.into(),
        attempt.into(),
        "accepted".into(),
        "answering".into(),
    ];
    say(raw, finish, values).await
}

async fn what_the_previous_version_writes_this_one_reads(database: Database) {
    let store = database.open().await;
    let raw = database.raw().await;
    let (me, mine, turn) = ask_as_before(&raw, NOW).await;
    assert_eq!(read(&store, me, turn).await.state, TurnState::Accepted);
    assert_eq!(finish_as_before(&raw, turn, 1, "예전 답").await, 1);
    let stored = read(&store, me, turn).await;
    assert_eq!((stored.state, stored.answer.as_str()), (TurnState::Done, "예전 답"));
    // And goes on with it.
    assert_eq!(ask(&store, me, mine, "다음 질문").await.seq, 2);
}

async fn what_this_version_writes_the_previous_one_reads(database: Database) {
    let store = database.open().await;
    let raw = database.raw().await;
    let (me, mine) = one_conversation(&store).await;
    let turn = ask(&store, me, mine, "질문").await;
    assert!(store.finish_turn(fencing_token(turn.id, 1), &done("답"), NOW).await.unwrap());
    let reader = statements()
        .find(|line| line.starts_with("SELECT \"turns\"") && line.contains("ORDER BY \"turns\".\"seq\" ASC"))
        .expect("it reads a conversation's turns");
    let asked = Statement::from_sql_and_values(raw.get_database_backend(), reader, vec![me.0.into(), mine.0.into()]);
    let rows = raw.query_all_raw(asked).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].try_get::<String>("", "A_state").unwrap(), "done");
    assert_eq!(rows[0].try_get::<String>("", "A_answer").unwrap(), "답");
    assert!(rows[0].try_get::<String>("", "B_body").unwrap().starts_with('{'));
}

/// An unknown word would make a row unreadable for it.
async fn only_words_that_the_previous_version_knows_are_stored(database: Database) {
    const KNOWN: [&str; 8] =
        ["unreachable", "timeout", "rate_limited", "quota", "misconfigured", "content_filter", "broken", "length"];
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    for reason in Reason::ALL {
        let outcome = Outcome { reason: Some(reason), ..ended(TurnState::Failed) };
        ask_and_end(&store, me, mine, "질문", &outcome).await;
    }
    let raw = database.raw().await;
    let words = Statement::from_string(raw.get_database_backend(), "SELECT reason FROM turns");
    for row in raw.query_all_raw(words).await.unwrap() {
        let word: String = row.try_get("", "reason").unwrap();
        assert!(KNOWN.contains(&word.as_str()), "{word}");
    }
}

async fn a_turn_of_the_previous_version_is_left_to_it(database: Database) {
    let store = database.open().await;
    let raw = database.raw().await;
    let (me, _, turn) = ask_as_before(&raw, store::now()).await;
    let taken = store.take_lease("new", LeaseMode::Shared, Duration::from_secs(60)).await.unwrap();
    assert!(matches!(taken, LeaseGrant::Granted { interrupted: 0, .. }), "{taken:?}");
    assert_eq!(store.expire_leases().await.unwrap(), 0);
    assert_eq!(finish_as_before(&raw, turn, 1, "제때 온 답").await, 1);
    assert_eq!(read(&store, me, turn).await.answer, "제때 온 답");
    // One that the new version took over is not its any more.
    let (me, _, turn) = ask_as_before(&raw, NOW).await;
    store.interrupt_running(NOW).await.unwrap();
    retry(&store, me, turn).await;
    assert_eq!(finish_as_before(&raw, turn, 1, "늦은 답").await, 0);
    assert_eq!(store.running_turns(Lease(7)).await.unwrap().len(), 1);
}

async fn steps_of_a_newer_version_are_no_hindrance_unless_they_contract(database: Database) {
    database.open().await.close().await.unwrap();
    let raw = database.raw().await;
    let take_step = async |name: &str| {
        let step = format!("INSERT INTO seaql_migrations (version, applied_at) VALUES ('{name}', 0)");
        raw.execute_unprepared(&step).await.unwrap();
    };
    take_step("m9001_classes").await;
    let store = database.open().await;
    one_conversation(&store).await;
    store.close().await.unwrap();
    take_step("m9002_contract_turns").await;
    let error = Store::open(&database.url).await.unwrap_err();
    assert!(matches!(&error, StoreError::Newer(step) if step == "m9002_contract_turns"), "{error:?}");
    assert!(error.to_string().contains("newer version"), "{error}");
}
