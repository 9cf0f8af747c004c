//! Backups and restores that are killed, meet one another, or a place that fails: nothing half counts, nothing is lost.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime},
};

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement, TransactionTrait as _};
use tokio::process::{Child, Command};

use crate::{
    backup::{Settings, database_with_turns, fresh_postgres, list, names, object, refused, succeed},
    s3::{Fault, S3},
    support::{
        eventually,
        openai::{Behaviour, FakeOpenAi, Purpose},
        process::Process,
        soon,
    },
};

fn start(folder: &Path, words: &[&str], settings: &Settings<'_>) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    command.args(words).current_dir(folder).env_clear().envs(settings.iter().copied());
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap()
}

/// The folders in which backups are packed, that are there now.
fn workrooms(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_backup_that_is_killed_is_none_and_leaves_nothing_behind() {
    let (folder, ..) = database_with_turns().await;
    let (s3, rooms) = (S3::start().await, tempfile::tempdir().unwrap());
    let settings = [&s3.settings()[..], &[("TMPDIR", rooms.path().to_str().unwrap())]].concat();
    s3.misbehave(Fault::Holds);
    let mut making = start(folder.path(), &["backup"], &settings);
    s3.wait_for_held(1).await;
    making.kill().await.unwrap();
    s3.misbehave(Fault::None);
    assert!(list(folder.path(), &settings).await.is_empty());
    let [left] = &workrooms(rooms.path())[..] else { panic!("a killed process removes nothing") };
    let long_ago = SystemTime::now() - Duration::from_secs(3600);
    File::open(left).unwrap().set_modified(long_ago).unwrap();

    succeed(folder.path(), &["backup"], &settings).await;
    assert_eq!(list(folder.path(), &settings).await.len(), 1);
    assert!(workrooms(rooms.path()).is_empty(), "the next one clears up");
}

#[tokio::test]
async fn two_backups_at_once_are_both_whole() {
    let (folder, ..) = database_with_turns().await;
    let s3 = S3::start().await;
    let settings = [&s3.settings()[..], &[("BACKUP_KEEP", "2")]].concat();
    s3.misbehave(Fault::Holds);
    let both = [(); 2].map(|()| start(folder.path(), &["backup"], &settings));
    s3.wait_for_held(2).await;
    s3.misbehave(Fault::None);
    for one in both {
        let output = soon("a backup", one.wait_with_output()).await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let names = names(folder.path(), &settings).await;
    assert_eq!(names.len(), 2, "{names:?}");
    for name in names {
        succeed(folder.path(), &["backup", "verify", &name], &settings).await;
    }
}

#[tokio::test]
async fn what_cannot_be_read_back_is_no_backup_and_costs_none() {
    let (folder, ..) = database_with_turns().await;
    let s3 = S3::start().await;
    let settings = [&s3.settings()[..], &[("BACKUP_KEEP", "1")]].concat();
    succeed(folder.path(), &["backup"], &settings).await;
    let before = names(folder.path(), &settings).await;
    s3.misbehave(Fault::Corrupts);
    let output = refused(folder.path(), &["backup"], &settings).await;
    assert!(output.contains("damaged"), "{output}");
    s3.misbehave(Fault::None);
    assert_eq!(names(folder.path(), &settings).await, before);
    succeed(folder.path(), &["backup", "verify"], &settings).await;
}

#[tokio::test]
async fn an_s3_that_fails_is_asked_again_and_then_named() {
    let (folder, ..) = database_with_turns().await;
    let s3 = S3::start().await;
    s3.misbehave(Fault::Fails);
    let output = refused(folder.path(), &["backup"], &s3.settings()).await;
    assert!(output.contains("can't be written to s3://school/deep/er; see that") && output.contains("500"), "{output}");
    assert!(s3.asked() > 2, "asked {} times", s3.asked());

    s3.misbehave(Fault::None);
    let mut elsewhere = s3.settings();
    elsewhere[0].1 = "s3://no-such-bucket/x";
    for words in [&["backup"][..], &["backup", "list"], &["restore"]] {
        let output = refused(folder.path(), words, &elsewhere).await;
        assert!(output.contains("s3://no-such-bucket/x") && output.contains("in AWS_REGION"), "{words:?}: {output}");
    }
    elsewhere[0].1 = "s3://AKIAKEY:hush@school/x";
    let output = refused(folder.path(), &["backup"], &elsewhere).await;
    assert!(output.contains("AWS_ACCESS_KEY_ID") && !output.contains("hush"), "{output}");
}

async fn count(database: &DatabaseConnection, sql: &str) -> i64 {
    let answer = database.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    answer.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_restore_into_postgresql_that_is_killed_leaves_nothing() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let url = fresh_postgres().await;
    let settings = [("DATABASE_URL", url.as_str())];
    succeed(folder.path(), &["migrate"], &settings).await;
    let database = Database::connect(&url).await.unwrap();
    // It comes as far as the last table but one.
    let holding = database.begin().await.unwrap();
    holding.execute_unprepared("LOCK TABLE guides IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut restoring = start(folder.path(), &["restore"], &settings);
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'guides'::regclass";
    eventually("the restore to wait", async || (count(&database, waiting).await > 0).then_some(())).await;
    restoring.kill().await.unwrap();
    holding.rollback().await.unwrap();
    let others = "SELECT count(*) FROM pg_stat_activity
        WHERE application_name = 'llm-classroom' AND datname = current_database()";
    eventually("its connections to end", async || (count(&database, others).await == 0).then_some(())).await;
    for table in ["learners", "conversations", "turns"] {
        assert_eq!(count(&database, &format!("SELECT count(*) FROM {table}")).await, 0, "{table}");
    }

    let output = succeed(folder.path(), &["restore"], &settings).await;
    assert!(output.contains("every row compared"), "{output}");
    let output = refused(folder.path(), &["restore"], &settings).await;
    assert!(output.contains("into an empty database only"), "{output}");
}

#[tokio::test]
async fn a_database_that_is_there_and_empty_is_filled() {
    let (folder, student, conversation) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let settings = [("DATABASE_URL", "sqlite://elsewhere.db")];
    succeed(folder.path(), &["migrate"], &settings).await;
    let output = succeed(folder.path(), &["restore"], &settings).await;
    assert!(output.contains("every row compared"), "{output}");
    let output = refused(folder.path(), &["restore"], &settings).await;
    assert!(output.contains("holds other data") && output.contains("nothing was changed"), "{output}");
    let program = Process::start(folder.path(), &settings);
    assert_eq!(student.moved_to(program.url.clone()).stored(&conversation).await["state"], "done");
}

const UNDONE: [&str; 5] = [
    "DROP INDEX turns_held",
    "ALTER TABLE turns DROP COLUMN lease",
    "ALTER TABLE turns DROP COLUMN stop_wanted",
    "DROP TABLE leases",
    "DELETE FROM seaql_migrations WHERE version = 'm0002_leases'",
];

async fn as_an_older_version_left_it(url: &str) {
    let database = Database::connect(url).await.unwrap();
    for statement in UNDONE {
        database.execute_unprepared(statement).await.unwrap();
    }
    database.close().await.unwrap();
}

#[tokio::test]
async fn an_older_version_s_backup_is_restored() {
    let (folder, student, conversation) = database_with_turns().await;
    let stored = fs::read(folder.path().join("data/llm-classroom.db")).unwrap();
    succeed(folder.path(), &["backup"], &[]).await;
    // Its database has fewer columns, so its manifest has other checksums.
    let old = folder.path().join("old.db");
    fs::write(&old, &stored).unwrap();
    as_an_older_version_left_it(&format!("sqlite://{}", old.display())).await;
    let (plain, packed) = (fs::read(&old).unwrap(), zstd::encode_all(File::open(&old).unwrap(), 1).unwrap());
    let path = object(folder.path());
    let manifest = PathBuf::from(path.to_string_lossy().replace(".db.zst", ".json"));
    let mut edited: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    edited["tables"]["turns"]["checksum"] = "0".repeat(32).into();
    for (bytes, length, sum) in [(&plain, "database_bytes", "database_sha256"), (&packed, "bytes", "sha256")] {
        edited[length] = bytes.len().into();
        edited[sum] = sha256(bytes).into();
    }
    fs::write(&path, packed).unwrap();
    fs::write(&manifest, edited.to_string()).unwrap();

    let output = succeed(folder.path(), &["backup", "verify"], &[]).await;
    assert!(output.contains("is whole"), "{output}");
    for url in ["sqlite://elsewhere.db".to_owned(), fresh_postgres().await] {
        let settings = [("DATABASE_URL", url.as_str())];
        succeed(folder.path(), &["restore"], &settings).await;
        let program = Process::start(folder.path(), &settings);
        let there = student.moved_to(program.url.clone()).stored(&conversation).await;
        assert_eq!(there["state"], "done", "{url}");
    }
}

#[tokio::test]
async fn postgresql_with_older_tables_is_to_be_migrated_first() {
    let folder = tempfile::tempdir().unwrap();
    let url = fresh_postgres().await;
    let settings = [("DATABASE_URL", url.as_str())];
    succeed(folder.path(), &["migrate"], &settings).await;
    as_an_older_version_left_it(&url).await;
    let output = refused(folder.path(), &["backup"], &settings).await;
    assert!(output.contains("`llm-classroom migrate` first"), "{output}");
    succeed(folder.path(), &["migrate"], &settings).await;
    succeed(folder.path(), &["backup"], &settings).await;
}

#[tokio::test]
async fn a_reader_who_goes_away_is_no_failure() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    for words in [&["backup", "list"][..], &["backup", "verify"], &["openapi"], &["doctor"]] {
        let mut child = start(folder.path(), words, &[("OPENAI_BASE_URL", "http://127.0.0.1:9")]);
        drop(child.stdout.take());
        let output = soon("the command", child.wait_with_output()).await.unwrap();
        let output = String::from_utf8(output.stderr).unwrap();
        assert!(!output.contains("panicked"), "{words:?}: {output}");
    }
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_second_program_on_the_same_port_interrupts_no_running_answer() {
    let (model, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    model.set(Purpose::Chat, Behaviour::default().gate_at(1));
    let base_url = model.base_url();
    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", &base_url)]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    model.wait_for_waiting(1).await;
    let port = program.url.rsplit(':').next().unwrap().to_owned();
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("APP_PORT", port.as_str())];
    let output = refused(folder.path(), &[], &settings).await;
    assert!(output.contains("is the program running already?"), "{output}");
    model.release_all(Purpose::Chat);
    student.finish(&turn).await;
    program.terminate();
    assert!(program.ended().await.success());
}
