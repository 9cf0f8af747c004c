//! Moves that would lose or mix up data are refused, and nothing is changed.

use std::time::Duration;

use domain::turn::Purpose;
use sea_orm::{ConnectionTrait, DatabaseConnection};
use store::{CopyError, LeaseGrant, LeaseMode, Options, Store};

use crate::{
    database::{Database, NOW, ask, on_both_engines, one_conversation, usage},
    dump::dump,
};

on_both_engines!(
    a_database_is_not_moved_to_itself,
    a_source_that_is_served_is_left_alone,
    a_target_that_is_served_is_left_alone,
    a_target_that_was_served_is_left_alone,
    another_schools_database_is_left_alone,
    a_target_with_guides_or_usage_alone_is_left_alone,
    learners_who_came_after_a_copy_are_left_alone,
    a_source_of_a_newer_version_is_left_alone,
    a_target_that_is_served_meanwhile_is_left_alone_from_then_on,
    an_empty_database_is_no_source,
);

const LONG: Duration = Duration::from_secs(600);

/// Serves the database; optionally releases the lease.
async fn serve(store: &Store, leave: bool) {
    let LeaseGrant::Granted { lease, .. } = store.take_lease("test", LeaseMode::Exclusive, LONG).await.unwrap() else {
        panic!("refused")
    };
    if leave {
        store.release_lease(lease).await.unwrap();
    }
}

async fn refusal(source: &Store, target: &Store) -> CopyError {
    target.copy_from(source, |step| panic!("{step:?}")).await.unwrap_err()
}

/// A database with a running turn, which a move would interrupt.
async fn with_running_turn(database: &Database) -> (Store, DatabaseConnection) {
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    ask(&store, me, mine, "질문").await;
    (store, database.raw().await)
}

/// What a move to an empty database of the other kind is refused for.
async fn refusal_to_move(store: &Store, raw: &DatabaseConnection) -> CopyError {
    let target = Database::sqlite();
    let before = dump(raw).await;
    let error = refusal(store, &target.open().await).await;
    assert_eq!(dump(raw).await, before);
    assert_eq!(dump(&target.raw().await).await, Vec::<String>::new());
    error
}

/// The refusal of a move from another database.
async fn refusal_to_take(store: &Store, raw: &DatabaseConnection) -> CopyError {
    let other = Database::sqlite();
    let (source, source_raw) = with_running_turn(&other).await;
    let before = (dump(raw).await, dump(&source_raw).await);
    let error = refusal(&source, store).await;
    assert_eq!((dump(raw).await, dump(&source_raw).await), before);
    error
}

async fn a_database_is_not_moved_to_itself(database: Database) {
    let (store, raw) = with_running_turn(&database).await;
    let before = dump(&raw).await;
    let other_spelling = match database.url.strip_prefix("sqlite://") {
        Some(path) => {
            let link = format!("{path}.link");
            std::os::unix::fs::symlink(path, &link).unwrap();
            format!("sqlite:{link}")
        }
        None => database.url.replace("postgres://postgres:secret-word@localhost", "postgresql://postgres@127.0.0.1"),
    };
    let again = Store::open(&other_spelling).await.unwrap();
    for target in [&store, &again] {
        let error = refusal(&store, target).await;
        assert!(matches!(error, CopyError::Same(_)), "{error:?}");
    }
    assert_eq!(dump(&raw).await, before);
}

async fn a_source_that_is_served_is_left_alone(database: Database) {
    let (store, raw) = with_running_turn(&database).await;
    serve(&store, false).await;
    let (me, mine) = one_conversation(&store).await;
    ask(&store, me, mine, "지금 도는 질문").await;
    let error = refusal_to_move(&store, &raw).await;
    assert!(matches!(error, CopyError::Served(_)), "{error:?}");
    assert!(error.to_string().contains(store.describe()), "{error}");
    let error = Store::open_source(&database.url, Options::default()).await.unwrap_err();
    assert!(matches!(error, CopyError::Served(_)), "{error:?}");
}

async fn a_target_that_is_served_is_left_alone(database: Database) {
    let (store, raw) = with_running_turn(&database).await;
    serve(&store, false).await;
    let error = refusal_to_take(&store, &raw).await;
    assert!(matches!(error, CopyError::Served(_)), "{error:?}");
}

async fn a_target_that_was_served_is_left_alone(database: Database) {
    let (store, raw) = with_running_turn(&database).await;
    serve(&store, true).await;
    let error = refusal_to_take(&store, &raw).await;
    assert!(matches!(error, CopyError::WasServed(_)), "{error:?}");
}

async fn another_schools_database_is_left_alone(database: Database) {
    let (store, raw) = with_running_turn(&database).await;
    let error = refusal_to_take(&store, &raw).await;
    assert!(matches!(error, CopyError::OtherData(_)), "{error:?}");
}

async fn a_target_with_guides_or_usage_alone_is_left_alone(database: Database) {
    let store = database.open().await;
    let raw = database.raw().await;
    store.put_guide("축구", "ko", "1", "m", "{}", NOW).await.unwrap();
    for _ in 0..2 {
        let error = refusal_to_take(&store, &raw).await;
        assert!(matches!(error, CopyError::OtherData(_)), "{error:?}");
        let other = Database::sqlite();
        let error = store.fill_from(&with_running_turn(&other).await.0).await.unwrap_err();
        assert!(matches!(error, CopyError::OtherData(_)), "{error:?}");
        raw.execute_unprepared("DELETE FROM guides").await.unwrap();
        store.add_usage(None, &usage(Purpose::Guide, 1, 2), NOW).await.unwrap();
    }
}

/// As a version without leases leaves it that served the copy.
async fn learners_who_came_after_a_copy_are_left_alone(database: Database) {
    let from = Database::sqlite();
    let (source, source_raw) = with_running_turn(&from).await;
    let store = database.open().await;
    store.copy_from(&source, |_| ()).await.unwrap();
    let now = store::now();
    store.add_learner(&crate::database::token(), now).await.unwrap();
    let raw = database.raw().await;
    let before = (dump(&raw).await, dump(&source_raw).await);
    let error = refusal(&source, &store).await;
    assert!(matches!(error, CopyError::OtherData(_)), "{error:?}");
    assert_eq!((dump(&raw).await, dump(&source_raw).await), before);
}

async fn a_source_of_a_newer_version_is_left_alone(database: Database) {
    let (store, raw) = with_running_turn(&database).await;
    raw.execute_unprepared("INSERT INTO seaql_migrations VALUES ('m9999_more', 1)").await.unwrap();
    let error = refusal_to_move(&store, &raw).await;
    assert!(matches!(error, CopyError::Newer(_)), "{error:?}");
}

async fn a_target_that_is_served_meanwhile_is_left_alone_from_then_on(database: Database) {
    let target = database.open().await;
    let raw = database.raw().await;
    let lease = "INSERT INTO leases (holder, alone, taken_at, expires_at) VALUES ('test', false, 1, 9000000000000)";
    let trigger = match target.engine() {
        store::DatabaseEngine::Sqlite => {
            format!("CREATE TRIGGER served AFTER INSERT ON learners BEGIN {lease}; END")
        }
        store::DatabaseEngine::Postgres => format!(
            "CREATE FUNCTION served() RETURNS trigger AS $$BEGIN {lease}; RETURN NULL; END$$ LANGUAGE plpgsql;
             CREATE TRIGGER served AFTER INSERT ON learners EXECUTE FUNCTION served();"
        ),
    };
    raw.execute_unprepared(&trigger).await.unwrap();
    let from = Database::sqlite();
    let (source, _) = with_running_turn(&from).await;
    let error = target.copy_from(&source, |_| ()).await.unwrap_err();
    assert!(matches!(error, CopyError::WasServed(_)), "{error:?}");
    let there = dump(&raw).await;
    assert!(there.iter().all(|row| row.starts_with("learners ")) && there.len() == 1, "{there:?}");
}

async fn an_empty_database_is_no_source(database: Database) {
    if let Some(path) = database.url.strip_prefix("sqlite://") {
        let error = Store::open_source(&database.url, Options::default()).await.unwrap_err();
        assert!(matches!(error, CopyError::NoSource), "{error:?}");
        let folder = std::path::Path::new(path).parent().unwrap();
        assert!(!folder.exists(), "it was made by looking for it");
        std::fs::create_dir(folder).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let error = Store::open_source(&database.url, Options::default()).await.unwrap_err();
    assert!(matches!(error, CopyError::NoSource), "{error:?}");
    let raw = database.raw().await;
    let made = raw.execute_unprepared("SELECT 1 FROM seaql_migrations").await;
    assert!(made.is_err(), "tables were made by looking for them");
}

#[tokio::test]
async fn a_source_that_cannot_be_read_says_so_without_its_password() {
    for url in ["mysql://u:secret-word@h/d", "postgres://u:secret-word@127.0.0.1:9/d", "postgres://u:secret-word@h:x/d"]
    {
        let options = Options { acquire_timeout: std::time::Duration::from_millis(200), ..Options::default() };
        let error = Store::open_source(url, options).await.unwrap_err();
        assert!(matches!(error, CopyError::Store(_)), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("secret-word"), "{error:?}");
    }
}
