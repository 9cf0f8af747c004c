use std::{error::Error, sync::Arc};

use domain::turn::TurnState;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use store::{CopyError, DatabaseEngine, FileFault, Options, Store, StoreError};
use tokio::{sync::Barrier, task::JoinSet};

use crate::database::{
    Database, NOW, ask, ask_and_end, done, learner, on_both_engines, one_conversation, read, retry, token,
};

on_both_engines!(
    a_store_opened_again_has_everything,
    stores_opened_together_migrate_once,
    stores_of_one_database_see_each_other,
    a_closed_store_says_it_is_unavailable,
    a_description_holds_no_password,
    a_database_with_tables_of_another_program_is_refused_and_left_alone,
    a_database_that_lost_a_table_is_refused_and_left_alone,
);

async fn a_store_opened_again_has_everything(database: Database) {
    let store = database.open().await;
    let token = token();
    let me = store.add_learner(&token, NOW).await.unwrap();
    let mine = crate::database::conversation(&store, me).await;
    let answered = ask_and_end(&store, me, mine.id, "질문", &done("답")).await;
    let running = ask(&store, me, mine.id, "답을 기다리는 질문").await;
    store.put_guide("축구", "ko", "1", "m", "{}", NOW).await.unwrap();
    store.close().await.unwrap();

    let store = database.open().await;
    assert_eq!(store.learner_by_token(&token).await.unwrap(), Some(me));
    assert_eq!(store.conversation(me, mine.id).await.unwrap(), Some(mine.clone()));
    assert_eq!(store.turns(me, mine.id).await.unwrap(), [answered, running.clone()]);
    assert_eq!(store.guide("축구", "ko", "1").await.unwrap().as_deref(), Some("{}"));
    assert_eq!(store.tokens_since(0).await.unwrap(), 175);
    assert_eq!(store.interrupt_running(NOW).await.unwrap(), 1);
    assert_eq!(retry(&store, me, running.id).await.state, TurnState::Answering);
}

async fn stores_opened_together_migrate_once(database: Database) {
    let mut opening = JoinSet::new();
    for _ in 0..6 {
        let url = database.url.clone();
        opening.spawn(async move { Store::open(&url).await.unwrap() });
    }
    let stores = opening.join_all().await;
    let me = learner(&stores[0]).await;
    for store in &stores {
        store.ping().await.unwrap();
        assert_eq!(store.conversations(me, None, 1).await.unwrap(), []);
    }
    let raw = database.raw().await;
    let steps = Statement::from_string(raw.get_database_backend(), "SELECT version FROM seaql_migrations");
    assert_eq!(raw.query_all_raw(steps).await.unwrap().len(), 5);
}

async fn stores_of_one_database_see_each_other(database: Database) {
    let [one, other] = [database.open().await, database.open().await];
    let (me, mine) = one_conversation(&one).await;
    let turn = ask(&other, me, mine, "다른 쪽에서").await;
    assert_eq!(read(&one, me, turn.id).await, turn);
    // Each reads before it writes, waits for the other and is never turned away.
    let mut writers = JoinSet::new();
    for store in [one, other] {
        writers.spawn(async move {
            let (me, mine) = one_conversation(&store).await;
            for _ in 0..30 {
                ask_and_end(&store, me, mine, "질문", &done("답")).await;
            }
        });
    }
    writers.join_all().await;
}

async fn a_closed_store_says_it_is_unavailable(database: Database) {
    let store = database.open().await;
    store.ping().await.unwrap();
    store.clone().close().await.unwrap();
    let refused = [
        store.ping().await.unwrap_err(),
        store.tokens_since(0).await.unwrap_err(),
        store.add_learner(&token(), NOW).await.unwrap_err(),
    ];
    for error in refused {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
        assert_eq!(error.to_string(), "the database is not available");
        assert!(error.source().is_some());
    }
}

/// The names of all tables.
async fn tables(raw: &DatabaseConnection) -> Vec<String> {
    let sql = match raw.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname NOT LIKE 'pg_%' AND schemaname <> 'information_schema' ORDER BY 1"
        }
        _ => "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY 1",
    };
    let rows = raw.query_all_raw(Statement::from_string(raw.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "name").unwrap()).collect()
}

/// Why the database can't be served, and not be moved to either, with nothing changed.
async fn refusal(database: &Database, raw: &DatabaseConnection) -> StoreError {
    let before = tables(raw).await;
    let error = Store::open_target(&database.url, Options::default()).await.unwrap_err();
    assert!(matches!(error, CopyError::Store(StoreError::Occupied(_) | StoreError::Incomplete(_))), "{error:?}");
    assert_eq!(tables(raw).await, before);
    let error = Store::open(&database.url).await.unwrap_err();
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    assert_eq!(tables(raw).await, before);
    error
}

async fn a_database_with_tables_of_another_program_is_refused_and_left_alone(database: Database) {
    // Another program's tables alone are no hindrance.
    let raw = raw_of_new(&database).await;
    raw.execute_unprepared("CREATE TABLE wp_posts (id INTEGER)").await.unwrap();
    for (table, others) in [
        ("usage", "CREATE TABLE usage (id INTEGER)"),
        ("conversations", "CREATE VIEW conversations AS SELECT 1 AS id"),
        ("turns", "CREATE TABLE turns (id INTEGER); CREATE TABLE seaql_migrations (version TEXT, applied_at BIGINT)"),
        (
            "seaql_migrations",
            "CREATE TABLE seaql_migrations (version TEXT, applied_at BIGINT); INSERT INTO seaql_migrations VALUES ('m2020_shop', 1)",
        ),
    ] {
        raw.execute_unprepared(others).await.unwrap();
        let error = refusal(&database, &raw).await;
        assert!(matches!(&error, StoreError::Occupied(named) if named == table), "{others}: {error:?}");
        let undo = if table == "conversations" { "VIEW" } else { "TABLE" };
        raw.execute_unprepared(&format!("DROP {undo} {table}")).await.unwrap();
        raw.execute_unprepared("DROP TABLE IF EXISTS seaql_migrations").await.unwrap();
    }
    let store = database.open().await;
    one_conversation(&store).await;
}

async fn a_database_that_lost_a_table_is_refused_and_left_alone(database: Database) {
    for table in ["feedback", "leases", "usage"] {
        database.open().await.close().await.unwrap();
        let raw = database.raw().await;
        raw.execute_unprepared(&format!("ALTER TABLE {table} RENAME TO away")).await.unwrap();
        let error = refusal(&database, &raw).await;
        assert!(matches!(&error, StoreError::Incomplete(named) if *named == table), "{error:?}");
        raw.execute_unprepared(&format!("ALTER TABLE away RENAME TO {table}")).await.unwrap();
    }
}

/// The database without the store, which a SQLite file isn't there for yet.
async fn raw_of_new(database: &Database) -> DatabaseConnection {
    if let Some(path) = database.url.strip_prefix("sqlite://") {
        std::fs::create_dir(std::path::Path::new(path).parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    database.raw().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_in_another_schema_that_is_searched_are_not_covered_by_new_ones() {
    let database = Database::postgres();
    let store = database.open().await;
    one_conversation(&store).await;
    store.close().await.unwrap();
    let raw = database.raw().await;
    // From now on new tables would go there, and hide those with the conversation.
    raw.execute_unprepared("CREATE SCHEMA postgres").await.unwrap();
    let error = refusal(&database, &raw).await;
    assert!(error.to_string().contains("another schema"), "{error}");
    raw.execute_unprepared("DROP SCHEMA postgres").await.unwrap();
    // One that isn't searched is nobody's business.
    raw.execute_unprepared("CREATE SCHEMA other; CREATE TABLE other.usage (id INTEGER)").await.unwrap();
    database.open().await.ping().await.unwrap();
}

async fn a_description_holds_no_password(database: Database) {
    let store = database.open().await;
    let (engine, name) = match store.engine() {
        DatabaseEngine::Sqlite => ("SQLite", "교실.db"),
        DatabaseEngine::Postgres => ("PostgreSQL", "database test_"),
    };
    assert!(store.describe().starts_with(engine), "{}", store.describe());
    assert!(store.describe().contains(name), "{}", store.describe());
    assert!(database.url.contains("secret-word") == (store.engine() == DatabaseEngine::Postgres));
    assert!(!store.describe().contains("secret-word"));
    assert!(!format!("{store:?}").contains("secret-word"));
}

#[tokio::test]
async fn a_url_that_names_no_database_is_refused_without_being_repeated() {
    let urls = [
        "",
        "data.db",
        "mysql://me:secret-word@localhost/x",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://:memory:",
        "sqlite://data.db?mode=memory",
        "postgres://me:secret-word@localhost:notaport/x",
    ];
    for url in urls {
        let error = Store::open(url).await.unwrap_err();
        assert!(matches!(error, StoreError::Url(_)), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("secret-word"), "{error:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_reported_as_corrupt_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    let letter = "안녕하세요, 이것은 데이터베이스가 아니에요.".repeat(100);
    std::fs::write(&file, &letter).unwrap();
    let error = Store::open(&format!("sqlite://{}", file.display())).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), letter);
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_reported_as_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = Store::open(&format!("sqlite://{}/file/data.db", folder.path().display())).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_new_file_that_many_open_at_once_is_opened_by_all() {
    for _ in 0..10 {
        let database = Database::sqlite();
        let together = Arc::new(Barrier::new(8));
        let mut opening = JoinSet::new();
        for _ in 0..8 {
            let (url, together) = (database.url.clone(), together.clone());
            opening.spawn(async move {
                together.wait().await;
                Store::open(&url).await.unwrap()
            });
        }
        for store in opening.join_all().await {
            learner(&store).await;
            store.close().await.unwrap();
        }
    }
}

#[tokio::test]
async fn sqlite_keeps_a_write_ahead_log_until_it_is_closed() {
    let database = Database::sqlite();
    let store = database.open().await;
    learner(&store).await;
    let path = database.url.strip_prefix("sqlite://").unwrap();
    assert!(std::fs::metadata(format!("{path}-wal")).unwrap().len() > 0);
    store.close().await.unwrap();
    assert!(!std::path::Path::new(&format!("{path}-wal")).exists(), "closing writes the log back");
}

#[tokio::test]
async fn a_damaged_index_is_found_although_every_row_can_be_read() {
    let database = Database::sqlite();
    let store = database.open().await;
    let (me, mine) = one_conversation(&store).await;
    ask_and_end(&store, me, mine, "질문", &done("답")).await;
    assert_eq!(store.find_damage().await.unwrap(), None);
    let sums = store.table_checksums().await.unwrap();
    store.close().await.unwrap();
    let raw = database.raw().await;
    raw.execute_unprepared(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'learners_token')
         WHERE name = 'turns_place'",
    )
    .await
    .unwrap();
    raw.close().await.unwrap();
    let store = database.open().await;
    assert_eq!(store.table_checksums().await.unwrap(), sums);
    assert!(store.find_damage().await.unwrap().is_some());
}

#[tokio::test]
async fn a_deleted_or_replaced_log_is_noticed_and_what_it_holds_reaches_the_file() {
    for is_replaced in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let store = Store::open(&format!("sqlite://{}", at("school.db").display())).await.unwrap();
        let (me, mine) = one_conversation(&store).await;
        ask_and_end(&store, me, mine, "하나", &done("답")).await;
        store.ping().await.unwrap();
        std::fs::remove_file(at("school.db-wal")).unwrap();
        if is_replaced {
            std::fs::write(at("school.db-wal"), "").unwrap();
        }
        // SQLite doesn't notice, so this is acknowledged.
        ask(&store, me, mine, "둘").await;
        assert!(matches!(store.check_file().await, Err(FileFault::Log(_))));
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        // All that is left of the process after a kill is the file.
        for _ in 0..1000 {
            std::fs::copy(at("school.db"), at("copy.db")).unwrap();
            let copy = Store::open(&format!("sqlite://{}", at("copy.db").display())).await;
            let turns = match copy {
                Ok(copy) => {
                    let turns = copy.turns(me, mine).await.map_or(0, |turns| turns.len());
                    copy.close().await.unwrap();
                    turns
                }
                Err(_) => 0,
            };
            if turns == 2 {
                break;
            }
            for part in ["", "-wal", "-shm"] {
                _ = std::fs::remove_file(at(&format!("copy.db{part}")));
            }
            tokio::task::yield_now().await;
        }
        let copy = Store::open(&format!("sqlite://{}", at("copy.db").display())).await.unwrap();
        assert_eq!(copy.turns(me, mine).await.unwrap().len(), 2, "{is_replaced}");
    }
}

#[tokio::test]
async fn a_log_that_a_truncation_or_another_connection_touched_is_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("school.db").display());
    let store = Store::open(&url).await.unwrap();
    store.close().await.unwrap();
    // Nothing is written from now on, and the log was removed by the last connection.
    let store = Store::open(&url).await.unwrap();
    store.ping().await.unwrap();
    for _ in 0..3 {
        Store::inspect(&url, std::time::Duration::ZERO).await.unwrap().unwrap();
        store.ping().await.unwrap();
    }
    one_conversation(&store).await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_file_with_two_names_and_a_log_without_its_file_are_refused_by_opening_and_by_inspecting() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let url = |name: &str| format!("sqlite://{}", at(name).display());
    Store::open(&url("school.db")).await.unwrap().close().await.unwrap();
    std::fs::hard_link(at("school.db"), at("second.db")).unwrap();
    std::fs::write(at("lost.db-wal"), "the newest turns").unwrap();
    for (name, reason) in [("school.db", "hard links"), ("second.db", "hard links"), ("lost.db", "lost.db-wal is left")]
    {
        let opened = Store::open(&url(name)).await.unwrap_err().to_string();
        let inspected = Store::inspect(&url(name), std::time::Duration::ZERO).await.unwrap_err().to_string();
        assert_eq!(opened, inspected);
        assert!(opened.contains(reason), "{opened}");
    }
    assert!(Store::check_target_file(&url("second.db")).is_err());
    std::fs::remove_file(at("second.db")).unwrap();
    Store::open(&url("school.db")).await.unwrap();
}
