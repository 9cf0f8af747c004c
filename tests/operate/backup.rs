//! Backups are made while students ask, verified, pruned, and restored into an empty database.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, Database};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    s3::S3,
    support::{
        openai::{Behaviour, FakeOpenAi, Purpose},
        postgres,
        process::Process,
        student::Student,
    },
};

pub type Settings<'a> = [(&'a str, &'a str)];

/// Whether the program succeeded with these arguments, and its output.
pub async fn run(folder: &Path, words: &[&str], settings: &Settings<'_>) -> (bool, String) {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    let output = command.args(words).current_dir(folder).env_clear().envs(settings.iter().copied()).output().await;
    let output = output.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

pub async fn succeed(folder: &Path, words: &[&str], settings: &Settings<'_>) -> String {
    let (well, output) = run(folder, words, settings).await;
    assert!(well, "{words:?}: {output}");
    output
}

pub async fn refused(folder: &Path, words: &[&str], settings: &Settings<'_>) -> String {
    let (well, output) = run(folder, words, settings).await;
    assert!(!well, "{words:?}: {output}");
    output
}

pub async fn list(folder: &Path, settings: &Settings<'_>) -> Vec<Value> {
    serde_json::from_str(&succeed(folder, &["backup", "list", "--json"], settings).await).unwrap()
}

pub async fn names(folder: &Path, settings: &Settings<'_>) -> Vec<String> {
    let backups = list(folder, settings).await;
    backups.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
}

/// The row count and checksum of each table in the newest backup's manifest.
async fn tables(folder: &Path, settings: &Settings<'_>) -> Value {
    list(folder, settings).await[0]["manifest"]["tables"].clone()
}

/// An SQLite database with some answered turns, which no process serves.
pub async fn database_with_turns() -> (TempDir, Student, String) {
    let (openai, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", &openai.base_url())]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    student.finish(&turn).await;
    program.terminate();
    assert!(program.ended().await.success());
    (folder, student, conversation)
}

pub fn object(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder.join("backups")).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().contains(".db.zst")).max().unwrap()
}

/// The drill: load, a backup under load, everything destroyed, restored, and compared to the last row.
async fn drill(from: &str, to: &str, more: &Settings<'_>) {
    let openai = FakeOpenAi::start().await;
    let folder = tempfile::tempdir().unwrap();
    let base_url = openai.base_url();
    let model = [("OPENAI_BASE_URL", base_url.as_str()), ("RATE_LIMIT", "off"), ("DATABASE_URL", from)];
    let settings = [&model, more].concat();
    let program = Process::start(folder.path(), &settings);

    // Answered before the backup begins, and one that is still being answered.
    let answered = join_all((0..12).map(async |number| {
        let student = program.student();
        let conversation = student.begin("과학 탐구").await;
        let turn = student.ask(&conversation, &format!("하늘은 왜 파래요? {number}")).await;
        student.finish(&turn).await;
        let stored = student.stored(&conversation).await;
        (student, conversation, stored)
    }));
    let answered = answered.await;
    let waiting = program.student();
    let unanswered = waiting.begin("역사 연구").await;
    openai.queue(Purpose::Chat, Behaviour::default().gate_at(1));
    let running = waiting.ask(&unanswered, "왜 그랬나요?").await;
    openai.wait_for_waiting(1).await;

    // Under load: others go on asking until the backup is there.
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let load = join_all((0..6).map(|_| {
        let (student, stopped) = (program.student(), stopped.clone());
        async move {
            let conversation = student.begin("기술과 미래").await;
            let mut asked = 0;
            while !*stopped.borrow() {
                let turn = student.ask(&conversation, "로봇은 어떻게 배우나요?").await;
                student.finish(&turn).await;
                asked += 1;
            }
            asked
        }
    }));
    let backing_up = async {
        let output = succeed(folder.path(), &["backup"], &settings).await;
        stop.send(true).unwrap();
        output
    };
    let (asked, output) = tokio::join!(load, backing_up);
    assert!(asked.iter().sum::<u32>() > 0 && output.contains("read back and is whole"), "{asked:?} {output}");
    assert!(stopped.changed().await.is_ok());
    let saved = tables(folder.path(), &settings).await;
    assert!(saved["turns"]["rows"].as_u64().unwrap() > 12, "{saved}");

    // All is lost.
    program.kill();
    let restored = [&model[..2], &[("DATABASE_URL", to)], more].concat();
    let output = succeed(folder.path(), &["restore"], &restored).await;
    assert!(output.contains("every row compared"), "{output}");
    // Every row of every table: a backup of what was restored has the same sums.
    succeed(folder.path(), &["backup"], &restored).await;
    assert_eq!(tables(folder.path(), &restored).await, saved);

    let program = Process::start(folder.path(), &restored);
    for (student, conversation, stored) in answered {
        assert_eq!(student.moved_to(program.url.clone()).stored(&conversation).await, stored);
    }
    let waiting = waiting.moved_to(program.url.clone());
    let interrupted = waiting.stored(&unanswered).await;
    assert_eq!((&interrupted["state"], &interrupted["message"]), (&"interrupted".into(), &"왜 그랬나요?".into()));
    openai.reset();
    waiting.retry(&running).await.expect(202);
    assert_eq!(waiting.finish(&running).await.state, "done");
    // What serves now isn't overwritten.
    let output = refused(folder.path(), &["restore"], &restored).await;
    assert!(output.contains("into an empty database only"), "{output}");
}

pub async fn fresh_postgres() -> String {
    tokio::task::spawn_blocking(postgres::fresh_database).await.unwrap()
}

#[tokio::test]
async fn a_school_in_sqlite_survives_the_loss_of_its_disk() {
    drill("sqlite://data/school.db", "sqlite://elsewhere/school.db", &[]).await;
}

#[tokio::test]
async fn a_school_in_postgresql_comes_back_in_another_postgresql() {
    drill(&fresh_postgres().await, &fresh_postgres().await, &[]).await;
}

#[tokio::test]
async fn a_backup_of_postgresql_is_restored_into_sqlite_from_s3() {
    let s3 = S3::start().await;
    drill(&fresh_postgres().await, "sqlite://elsewhere/school.db", &s3.settings()).await;
    assert_eq!(fs::read_dir(s3.objects()).unwrap().count(), 4);
}

#[tokio::test]
async fn a_backup_of_sqlite_is_restored_into_postgresql_from_an_encrypted_file() {
    let keys = tempfile::tempdir().unwrap();
    let (key, file) = (Identity::generate(), keys.path().join("key"));
    fs::write(&file, key.to_string().expose_secret()).unwrap();
    let public = key.to_public().to_string();
    let encrypted = [("BACKUP_PUBLIC_KEY", public.as_str()), ("BACKUP_IDENTITY_FILE", file.to_str().unwrap())];
    drill("sqlite://data/school.db", &fresh_postgres().await, &encrypted).await;
}

#[tokio::test]
async fn an_encrypted_backup_is_read_by_its_own_key_alone() {
    let (folder, ..) = database_with_turns().await;
    let own = Identity::generate();
    let public = own.to_public().to_string();
    succeed(folder.path(), &["backup"], &[("BACKUP_PUBLIC_KEY", &public)]).await;
    let bytes = fs::read(object(folder.path())).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1"));

    let output = succeed(folder.path(), &["backup", "verify"], &[]).await;
    assert!(output.contains("with BACKUP_IDENTITY_FILE"), "{output}");
    let elsewhere = ("DATABASE_URL", "sqlite://elsewhere.db");
    let output = refused(folder.path(), &["restore"], &[elsewhere]).await;
    assert!(output.contains(&public) && output.contains("BACKUP_IDENTITY_FILE"), "{output}");
    for (name, key) in [("own", &own), ("other", &Identity::generate())] {
        fs::write(folder.path().join(name), key.to_string().expose_secret()).unwrap();
    }
    let output = refused(folder.path(), &["restore"], &[elsewhere, ("BACKUP_IDENTITY_FILE", "other")]).await;
    assert!(output.contains("another key"), "{output}");
    assert!(!folder.path().join("elsewhere.db").exists(), "nothing was touched");
    let output = succeed(folder.path(), &["backup", "verify"], &[("BACKUP_IDENTITY_FILE", "own")]).await;
    assert!(output.contains("to the last row"), "{output}");
    let output = refused(folder.path(), &["backup"], &[("BACKUP_PUBLIC_KEY", "ssh-rsa nonsense")]).await;
    assert!(output.contains("age1"), "{output}");
}

#[tokio::test]
async fn damage_is_found_before_anything_is_touched() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let path = object(folder.path());
    let bytes = fs::read(&path).unwrap();
    let elsewhere = [("DATABASE_URL", "sqlite://elsewhere.db")];
    for place in [0, bytes.len() / 2, bytes.len() - 1] {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1;
        fs::write(&path, damaged).unwrap();
        for words in [&["backup", "verify"][..], &["restore"]] {
            let output = refused(folder.path(), words, &elsewhere).await;
            assert!(output.contains("damaged"), "{output}");
        }
    }
    // A part of one is shown as such, and no older one taken for it.
    succeed(folder.path(), &["backup"], &[]).await;
    let newest = object(folder.path());
    let whole = fs::read(&newest).unwrap();
    fs::write(&path, &bytes).unwrap();
    fs::write(&newest, &whole[..whole.len() - 1]).unwrap();
    assert!(succeed(folder.path(), &["backup", "list"], &[]).await.contains("DAMAGED"));
    let complete: Vec<_> = list(folder.path(), &[]).await.iter().map(|one| one["complete"].clone()).collect();
    assert_eq!(complete, [false, true]);
    for words in [&["backup", "verify"][..], &["restore"]] {
        let output = refused(folder.path(), words, &elsewhere).await;
        assert!(output.contains("is damaged") && output.contains("name another one"), "{output}");
    }
    fs::remove_file(&newest).unwrap();
    assert!(succeed(folder.path(), &["backup", "list"], &[]).await.contains("DAMAGED: 0 of its"));
    let older = names(folder.path(), &[]).await.swap_remove(1);
    succeed(folder.path(), &["backup", "verify", &older], &[]).await;
    assert!(!folder.path().join("elsewhere.db").exists());
}

#[tokio::test]
async fn a_manifest_that_lies_leads_nowhere() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let path = object(folder.path()).to_string_lossy().replace(".db.zst", ".json");
    let original: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let elsewhere = [("DATABASE_URL", "sqlite://elsewhere.db")];
    for (field, lie) in [
        ("database_bytes", Value::from(1)),
        ("database_bytes", Value::from(u64::MAX)),
        ("database_sha256", Value::from("0".repeat(64))),
        ("encrypted_to", Value::from("age1nobody")),
        ("tables", serde_json::json!({ "learners": { "rows": 7, "checksum": "0" } })),
    ] {
        let mut lying = original.clone();
        lying[field] = lie;
        fs::write(&path, lying.to_string()).unwrap();
        refused(folder.path(), &["restore"], &elsewhere).await;
        assert!(!folder.path().join("elsewhere.db").exists(), "{field}");
    }
    for nonsense in ["", "{}", "[1]", "\u{0}"] {
        fs::write(&path, nonsense).unwrap();
        assert!(list(folder.path(), &[]).await.is_empty(), "{nonsense:?}");
    }
    let output = refused(folder.path(), &["restore", "../../etc/passwd"], &elsewhere).await;
    assert!(output.contains("there is no backup"), "{output}");
}

#[tokio::test]
async fn the_newest_are_kept_and_left_overs_removed() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let place = folder.path().join("backups");
    let first = object(folder.path());
    // Older ones, one that broke off before its manifest was written, and files of others.
    let as_of = |day: u32, file: &Path| {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        place.join(format!(
            "llm-classroom-202001{day:02}T000000.000Z{}",
            &name["llm-classroom-20261123T101500.123Z".len()..]
        ))
    };
    let manifest = PathBuf::from(first.to_string_lossy().replace(".db.zst", ".json"));
    for day in 1..=4 {
        fs::copy(&first, as_of(day, &first)).unwrap();
        fs::copy(&manifest, as_of(day, &manifest)).unwrap();
    }
    fs::write(place.join("llm-classroom-20191231T000000.000Z.db.zst"), "half").unwrap();
    fs::write(place.join("holiday.jpg"), "not ours").unwrap();
    assert_eq!(list(folder.path(), &[]).await.len(), 5);
    // As `.env` files have them: empty means none.
    let empty = [("BACKUP_KEEP", "3"), ("BACKUP_IDENTITY_FILE", ""), ("BACKUP_PUBLIC_KEY", ""), ("ACME_CA_FILE", "")];
    succeed(folder.path(), &["backup"], &empty).await;
    let remaining = names(folder.path(), &[]).await;
    assert_eq!(remaining.len(), 3, "{remaining:?}");
    assert!(!place.join("llm-classroom-20191231T000000.000Z.db.zst").exists());
    assert!(!place.join("llm-classroom-20200101T000000.000Z.db.zst").exists());
    assert!(place.join("holiday.jpg").exists());
    for file in fs::read_dir(&place).unwrap().map(Result::unwrap) {
        let is_ours = file.file_name().to_string_lossy().starts_with("llm-classroom-2026");
        assert!(!is_ours || file.metadata().unwrap().permissions().mode() & 0o777 == 0o600, "{file:?}");
    }
}

#[tokio::test]
async fn a_place_that_cannot_be_used_is_named_and_costs_no_older_backup() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let s3 = S3::start().await;
    let mut wrong = s3.settings();
    wrong[4].1 = "another-secret";
    for (settings, expected) in [
        (&[("BACKUP_URL", "/proc/nowhere")][..], "allowed to write there"),
        (&[("BACKUP_URL", "ftp://x")], "s3://bucket/prefix"),
        (&[("BACKUP_URL", "s3://")], "names no bucket"),
        (&[("DATABASE_URL", "sqlite://nothing.db")], "no LLM Classroom database"),
        (&[("BACKUP_KEEP", "0")], "--backup-keep"),
        (&wrong, "can't be written"),
    ] {
        let answer = refused(folder.path(), &["backup"], settings).await;
        assert!(
            answer.contains(expected) || answer.to_uppercase().contains(&expected.to_uppercase()),
            "{settings:?}: {answer}"
        );
        assert!(!answer.contains("another-secret"));
    }
    assert_eq!(list(folder.path(), &[]).await.len(), 1);
}

#[tokio::test]
async fn who_keeps_backups_needs_no_key() {
    let (folder, ..) = database_with_turns().await;
    let missing_files = [("OPENAI_API_KEY_FILE", "/no/such/file"), ("REDIS_URL_FILE", "/no/such/file")];
    succeed(folder.path(), &["backup"], &missing_files).await;
    succeed(folder.path(), &["backup", "verify"], &missing_files).await;
    let elsewhere = [&missing_files[..], &[("DATABASE_URL", "sqlite://elsewhere.db")]].concat();
    succeed(folder.path(), &["restore"], &elsewhere).await;
    let output = refused(folder.path(), &["backup"], &[("DATABASE_URL_FILE", "/no/such/file")]).await;
    assert!(output.contains("the file of DATABASE_URL, /no/such/file: there is no such file"), "{output}");
}

#[tokio::test]
async fn a_clock_that_was_wrong_costs_no_backup() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let place = folder.path().join("backups");
    let first = object(folder.path());
    let future = place.join("llm-classroom-20990101T000000.000Z");
    fs::copy(&first, future.with_extension("000Z.db.zst")).unwrap();
    fs::copy(first.to_string_lossy().replace(".db.zst", ".json"), future.with_extension("000Z.json")).unwrap();
    succeed(folder.path(), &["backup"], &[("BACKUP_KEEP", "1")]).await;
    let names = list(folder.path(), &[]).await;
    assert_eq!(names.len(), 2, "the new one and the one of the future: {names:?}");
    assert!(!first.exists());
}

#[tokio::test]
async fn the_newest_backup_is_found_without_reading_the_manifests_of_older_ones() {
    let ((folder, ..), s3) = (database_with_turns().await, S3::start().await);
    let settings = s3.settings();
    let mut requests = Vec::new();
    for backups in [1, 3] {
        while names_in(&s3).len() < backups {
            succeed(folder.path(), &["backup"], &settings).await;
        }
        let before = s3.asked();
        let (_, report) = run(folder.path(), &["doctor", "--json"], &settings).await;
        assert!(report.contains("backup-ok"), "{report}");
        requests.push(s3.asked() - before);
    }
    assert_eq!(requests[0], requests[1], "requests with one backup and with three");
}

fn names_in(s3: &S3) -> Vec<String> {
    let files = fs::read_dir(s3.objects()).into_iter().flatten().map(|file| file.unwrap().file_name());
    files.map(|file| file.into_string().unwrap()).filter(|file| file.ends_with(".json")).collect()
}

#[tokio::test]
async fn a_restore_refuses_a_place_with_a_leftover_log_of_another_database() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let elsewhere = [("DATABASE_URL", "sqlite://elsewhere.db")];
    for part in ["-wal", "-shm", "-journal"] {
        let leftover = folder.path().join(format!("elsewhere.db{part}"));
        fs::write(&leftover, "the newest turns").unwrap();
        let output = refused(folder.path(), &["restore"], &elsewhere).await;
        assert!(output.contains(&format!("elsewhere.db{part}")) && output.contains("move it"), "{output}");
        assert!(!folder.path().join("elsewhere.db").exists());
        // An empty file is no database either.
        fs::write(folder.path().join("elsewhere.db"), "").unwrap();
        refused(folder.path(), &["restore"], &elsewhere).await;
        fs::remove_file(folder.path().join("elsewhere.db")).unwrap();
        // A move to that place is refused as well.
        let from = ["migrate", "--from", "sqlite://data/llm-classroom.db", "--to", "sqlite://elsewhere.db"];
        let output = refused(folder.path(), &from, &[]).await;
        assert!(output.contains(&format!("elsewhere.db{part}")) && output.contains("move it"), "{output}");
        assert!(!folder.path().join("elsewhere.db").exists());
        // Nor does a start take them for its own.
        let output = refused(folder.path(), &[], &[elsewhere[0], ("APP_PORT", "0")]).await;
        assert!(output.contains("put the database file back"), "{output}");
        assert_eq!(fs::read(&leftover).unwrap(), b"the newest turns");
        fs::remove_file(&leftover).unwrap();
    }
    // An empty file with a log isn't served either: SQLite would read the log into it.
    fs::write(folder.path().join("elsewhere.db"), "").unwrap();
    fs::write(folder.path().join("elsewhere.db-wal"), "the newest turns").unwrap();
    let output = refused(folder.path(), &[], &[elsewhere[0], ("APP_PORT", "0")]).await;
    assert!(output.contains("put the database file back"), "{output}");
    fs::remove_file(folder.path().join("elsewhere.db-wal")).unwrap();
    fs::remove_file(folder.path().join("elsewhere.db")).unwrap();
    succeed(folder.path(), &["restore"], &elsewhere).await;
}

#[tokio::test]
async fn a_restore_refuses_a_database_of_another_program_and_changes_nothing() {
    let (folder, ..) = database_with_turns().await;
    succeed(folder.path(), &["backup"], &[]).await;
    let file = format!("sqlite://{}?mode=rwc", folder.path().join("shop.db").display());
    let shop = Database::connect(&file).await.unwrap();
    shop.execute_unprepared("CREATE TABLE usage (product TEXT)").await.unwrap();
    shop.close().await.unwrap();
    let before = fs::read(folder.path().join("shop.db")).unwrap();
    let settings = [("DATABASE_URL", "sqlite://shop.db")];
    let to = ["migrate", "--from", "sqlite://data/llm-classroom.db", "--to", "sqlite://shop.db"];
    for words in [&["restore"][..], &to] {
        let output = refused(folder.path(), words, &settings).await;
        assert!(output.contains("holds a table usage that isn't this program's"), "{output}");
        assert_eq!(fs::read(folder.path().join("shop.db")).unwrap(), before);
    }
    let url = fresh_postgres().await;
    let shop = Database::connect(&url).await.unwrap();
    shop.execute_unprepared("CREATE TABLE turns (product TEXT)").await.unwrap();
    let output = refused(folder.path(), &["restore"], &[("DATABASE_URL", &url)]).await;
    assert!(output.contains("holds a table turns that isn't this program's"), "{output}");
    let tables = "SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'turns'";
    assert_eq!(shop.execute_unprepared(tables).await.unwrap().rows_affected(), 0);
}
