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
    backup::{Settings, fresh_postgres, list, names, object, refused, school, succeed},
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
    let (folder, ..) = school().await;
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
    let (folder, ..) = school().await;
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
    let (folder, ..) = school().await;
    let s3 = S3::start().await;
    let settings = [&s3.settings()[..], &[("BACKUP_KEEP", "1")]].concat();
    succeed(folder.path(), &["backup"], &settings).await;
    let before = names(folder.path(), &settings).await;
    s3.misbehave(Fault::Corrupts);
    let said = refused(folder.path(), &["backup"], &settings).await;
    assert!(said.contains("damaged"), "{said}");
    s3.misbehave(Fault::None);
    assert_eq!(names(folder.path(), &settings).await, before);
    succeed(folder.path(), &["backup", "verify"], &settings).await;
}

#[tokio::test]
async fn an_s3_that_fails_is_asked_again_and_then_named() {
    let (folder, ..) = school().await;
    let s3 = S3::start().await;
    s3.misbehave(Fault::Fails);
    let said = refused(folder.path(), &["backup"], &s3.settings()).await;
    assert!(said.contains("can't be written to s3://school/deep/er; see that") && said.contains("500"), "{said}");
    assert!(s3.asked() > 2, "asked {} times", s3.asked());

    s3.misbehave(Fault::None);
    let mut elsewhere = s3.settings();
    elsewhere[0].1 = "s3://no-such-bucket/x";
    for words in [&["backup"][..], &["backup", "list"], &["restore"]] {
        let said = refused(folder.path(), words, &elsewhere).await;
        assert!(said.contains("s3://no-such-bucket/x") && said.contains("in AWS_REGION"), "{words:?}: {said}");
    }
    elsewhere[0].1 = "s3://AKIAKEY:hush@school/x";
    let said = refused(folder.path(), &["backup"], &elsewhere).await;
    assert!(said.contains("AWS_ACCESS_KEY_ID") && !said.contains("hush"), "{said}");
}

async fn count(database: &DatabaseConnection, sql: &str) -> i64 {
    let answer = database.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    answer.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_restore_into_postgresql_that_is_killed_leaves_nothing() {
    let (folder, ..) = school().await;
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

    let said = succeed(folder.path(), &["restore"], &settings).await;
    assert!(said.contains("every row compared"), "{said}");
    let said = refused(folder.path(), &["restore"], &settings).await;
    assert!(said.contains("into an empty database only"), "{said}");
}

#[tokio::test]
async fn a_database_that_is_there_and_empty_is_filled() {
    let (folder, student, conversation) = school().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let settings = [("DATABASE_URL", "sqlite://elsewhere.db")];
    succeed(folder.path(), &["migrate"], &settings).await;
    let said = succeed(folder.path(), &["restore"], &settings).await;
    assert!(said.contains("every row compared"), "{said}");
    let said = refused(folder.path(), &["restore"], &settings).await;
    assert!(said.contains("holds other data") && said.contains("nothing was changed"), "{said}");
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
    let (folder, student, conversation) = school().await;
    let stored = fs::read(folder.path().join("data/llm-classroom.db")).unwrap();
    succeed(folder.path(), &["backup"], &[]).await;
    // Its database has fewer columns, so its manifest has other checksums.
    let old = folder.path().join("old.db");
    fs::write(&old, &stored).unwrap();
    as_an_older_version_left_it(&format!("sqlite://{}", old.display())).await;
    let (plain, packed) = (fs::read(&old).unwrap(), zstd::encode_all(File::open(&old).unwrap(), 1).unwrap());
    let path = object(folder.path());
    let manifest = PathBuf::from(path.to_string_lossy().replace(".db.zst", ".json"));
    let mut said: serde_json::Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    said["tables"]["turns"]["checksum"] = "0".repeat(32).into();
    for (bytes, length, sum) in [(&plain, "database_bytes", "database_sha256"), (&packed, "bytes", "sha256")] {
        said[length] = bytes.len().into();
        said[sum] = sha256(bytes).into();
    }
    fs::write(&path, packed).unwrap();
    fs::write(&manifest, said.to_string()).unwrap();

    let said = succeed(folder.path(), &["backup", "verify"], &[]).await;
    assert!(said.contains("is whole"), "{said}");
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
    let said = refused(folder.path(), &["backup"], &settings).await;
    assert!(said.contains("`llm-classroom migrate` first"), "{said}");
    succeed(folder.path(), &["migrate"], &settings).await;
    succeed(folder.path(), &["backup"], &settings).await;
}

#[tokio::test]
async fn a_reader_who_goes_away_is_no_failure() {
    let (folder, ..) = school().await;
    succeed(folder.path(), &["backup"], &[]).await;
    for words in [&["backup", "list"][..], &["backup", "verify"], &["openapi"], &["doctor"]] {
        let mut child = start(folder.path(), words, &[("OPENAI_BASE_URL", "http://127.0.0.1:9")]);
        drop(child.stdout.take());
        let output = soon("the command", child.wait_with_output()).await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked"), "{words:?}: {said}");
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
    let said = refused(folder.path(), &[], &settings).await;
    assert!(said.contains("is the program running already?"), "{said}");
    model.release_all(Purpose::Chat);
    student.finish(&turn).await;
    program.terminate();
    assert!(program.ended().await.success());
}
