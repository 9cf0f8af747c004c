//! `migrate` copies the database from SQLite to PostgreSQL and back.

use std::{
    path::Path,
    process::{Command, Output},
};

use super::*;
use sea_orm::{ConnectionTrait, Database};
use support::{openai::FakeOpenAi, postgres::fresh_database, process::Process};

/// The default database of the program.
const DEFAULT: &str = "sqlite://data/llm-classroom.db";

async fn empty_postgresql() -> String {
    tokio::task::spawn_blocking(fresh_database).await.unwrap()
}

/// Runs `migrate` with these arguments.
async fn migrate(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    command.arg("migrate").args(arguments).current_dir(folder).env_clear();
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    for report in [text(&output.stdout), text(&output.stderr)] {
        assert!(!report.contains("secret-word") && !report.contains("panicked"), "{report}");
    }
    output
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs a migration that must succeed. Returns its output.
async fn moved(folder: &Path, from: &str, to: &str) -> String {
    let output = migrate(folder, &["--from", from, "--to", to]).await;
    assert!(output.status.success(), "{} {}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Runs a migration that must be refused before it copies rows. Returns the error.
async fn refused(folder: &Path, from: &str, to: &str) -> String {
    let output = migrate(folder, &["--from", from, "--to", to]).await;
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{stdout} {stderr}");
    assert!(stderr.starts_with("error: ") && !stdout.contains("rows"), "{stdout} {stderr}");
    stderr
}

/// The lines about a table in the output, without their alignment.
fn lines(report: &str, table: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    report.lines().map(words).filter(|line| line.starts_with(&format!("{table} "))).collect()
}

#[tokio::test]
async fn conversations_continue_after_migrating_from_sqlite_to_postgresql_and_back() {
    let openai = FakeOpenAi::start().await;
    let (folder, base_url, postgresql) = (tempfile::tempdir().unwrap(), openai.base_url(), empty_postgresql().await);
    let model = ("OPENAI_BASE_URL", base_url.as_str());

    let program = Process::start(folder.path(), &[model]);
    let student = program.student();
    let conversation = student.begin("과학 탐구 🔭").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let before = student.conversation(&conversation).await;
    program.terminate();
    assert!(program.ended().await.success());

    let report = moved(folder.path(), DEFAULT, &postgresql).await;
    assert!(report.contains("Moving from SQLite at data/llm-classroom.db"), "{report}");
    assert!(report.contains("to PostgreSQL at ") && report.contains("Set DATABASE_URL to the new one"), "{report}");
    for (table, rows) in [("learners", 1), ("conversations", 1), ("turns", 1), ("feedback", 1), ("usage", 2)] {
        let lines = lines(&report, table);
        assert_eq!(lines[0], format!("{table} {rows} rows, {rows} of them copied, 0 removed"), "{report}");
        let [name, count, checksum, rest] = lines[1].splitn(4, ' ').collect::<Vec<_>>()[..] else { panic!("{report}") };
        assert_eq!((name, count, checksum.len(), rest), (table, rows.to_string().as_str(), 32, "the same"), "{report}");
    }
    let again = moved(folder.path(), DEFAULT, &postgresql).await;
    assert_eq!(lines(&again, "turns")[0], "turns 1 rows, 0 of them copied, 0 removed");
    assert_eq!(lines(&again, "turns")[1], lines(&report, "turns")[1]);

    let program = Process::start(folder.path(), &[model, ("DATABASE_URL", &postgresql)]);
    assert!(program.banner.contains("PostgreSQL"), "{}", program.banner);
    let student = student.moved_to(program.url.clone());
    assert_eq!(student.conversation(&conversation).await, before);
    let turn = student.ask(&conversation, "그럼 저녁에는요?").await;
    assert_eq!(student.finish(&turn).await.state, "done");
    program.terminate();
    assert!(program.ended().await.success());

    let report = refused(folder.path(), DEFAULT, &postgresql).await;
    assert!(report.contains("has been served before") && report.contains("move to an empty database"), "{report}");
    // Back to SQLite, with the new question.
    let report = moved(folder.path(), &postgresql, "sqlite://back/again.db").await;
    assert_eq!(lines(&report, "turns")[0], "turns 2 rows, 2 of them copied, 0 removed");
}

#[tokio::test]
async fn a_turn_interrupted_by_a_crash_can_be_retried_after_migrating() {
    let openai = FakeOpenAi::start().await;
    openai.queue(CHAT, Behaviour::text(["여기까지 ", "그 뒤"]).gate_at(1));
    let (folder, base_url, postgresql) = (tempfile::tempdir().unwrap(), openai.base_url(), empty_postgresql().await);
    let model = ("OPENAI_BASE_URL", base_url.as_str());
    let program = Process::start(folder.path(), &[model]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.follow(&turn).await.until_shown("여기까지").await;
    program.kill();

    let report = refused(folder.path(), DEFAULT, &postgresql).await;
    assert!(report.contains("being served") && report.contains("30 seconds"), "{report}");
    // The lease has expired.
    let path = folder.path().join("data/llm-classroom.db");
    let database = Database::connect(format!("sqlite://{}", path.display())).await.unwrap();
    database.execute_unprepared("UPDATE leases SET expires_at = 1").await.unwrap();
    database.close().await.unwrap();
    let report = moved(folder.path(), DEFAULT, &postgresql).await;
    assert!(report.contains("can now try again with one click: 1."), "{report}");

    let program = Process::start(folder.path(), &[model, ("DATABASE_URL", &postgresql)]);
    let student = student.moved_to(program.url.clone());
    assert_eq!(student.stored(&conversation).await["state"], "interrupted");
    student.retry(&turn).await.expect(202);
    assert_eq!(student.finish(&turn).await.state, "done");
}

#[tokio::test]
async fn a_migration_that_would_lose_data_is_refused_and_changes_nothing() {
    let (folder, postgresql) = (tempfile::tempdir().unwrap(), empty_postgresql().await);
    let here = folder.path();

    let report = refused(here, "sqlite:no/such.db", "sqlite:new/school.db").await;
    assert!(report.contains("--from") && report.contains("there is no LLM Classroom database"), "{report}");
    let report = refused(here, &postgresql, "sqlite:new/school.db").await;
    assert!(report.contains("there is no LLM Classroom database"), "{report}");
    let report = refused(here, "mysql://me:secret-word@localhost/x", "sqlite:new/school.db").await;
    assert!(report.contains("--from") && report.contains("sqlite://"), "{report}");
    assert_eq!(std::fs::read_dir(here).unwrap().count(), 0);

    let program = Process::start(here, &[]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let before = student.conversation(&conversation).await;
    let report = refused(here, DEFAULT, "sqlite:new/school.db").await;
    assert!(report.contains("SQLite at data/llm-classroom.db is being served at this moment"), "{report}");
    assert!(!here.join("new").exists());
    // The target is in use, and later it contains data.
    std::fs::create_dir(here.join("other")).unwrap();
    let other = Process::start(&here.join("other"), &[]);
    other.student().begin("역사").await;
    other.terminate();
    assert!(other.ended().await.success());
    let report = refused(here, "sqlite:other/data/llm-classroom.db", DEFAULT).await;
    assert!(report.contains("SQLite at data/llm-classroom.db is being served at this moment"), "{report}");
    assert_eq!(student.conversation(&conversation).await, before);
    program.terminate();
    assert!(program.ended().await.success());
    let report = refused(here, "sqlite:other/data/llm-classroom.db", DEFAULT).await;
    assert!(report.contains("has been served before"), "{report}");
    let report = refused(here, DEFAULT, "sqlite:./data/../data/llm-classroom.db").await;
    assert!(report.contains("name two different ones"), "{report}");
    let report = refused(here, DEFAULT, "postgres://me:secret-word@127.0.0.1:9/d").await;
    assert!(report.contains("--to") && report.contains("not available"), "{report}");

    let program = Process::start(here, &[]);
    assert_eq!(student.moved_to(program.url.clone()).conversation(&conversation).await, before);
}

#[tokio::test]
async fn a_migration_with_only_one_url_is_refused_with_both_possible_fixes() {
    let folder = tempfile::tempdir().unwrap();
    for half in ["--from", "--to"] {
        let output = migrate(folder.path(), &[half, "sqlite:a.db"]).await;
        let report = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{report}");
        assert!(report.contains("--from and --to go together: give both") && report.contains("or neither"), "{report}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
