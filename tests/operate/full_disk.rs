//! A disk on which nothing can be written any more: as when it's full, by the limit of a file's size.

use std::{fs, path::Path};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use crate::{
    backup::run,
    support::{
        eventually,
        openai::{Behaviour, FakeOpenAi, Purpose},
        process::Process,
    },
};

const FILE: &str = "data/llm-classroom.db";

/// Lets no file of the process that serves grow beyond so many bytes; `None` for as many as it likes. The hard limit
/// stays as it is, so that no right of root is needed.
fn limit_files(folder: &Path, bytes: Option<u64>) {
    let holder = fs::read_to_string(folder.join(format!("{FILE}.lock"))).unwrap();
    let number: i32 = holder.split_whitespace().nth(1).unwrap().parse().unwrap();
    let maximum = getrlimit(Resource::Fsize).maximum;
    let limit = Rlimit { current: bytes.or(maximum), maximum };
    prlimit(Pid::from_raw(number), Resource::Fsize, limit).unwrap();
}

#[tokio::test]
async fn a_full_disk_makes_the_program_unready_until_it_can_write_again_and_is_logged_once() {
    let (model, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    let base_url = model.base_url();
    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", &base_url), ("RATE_LIMIT", "off")]);
    let port = program.url.rsplit(':').next().unwrap().to_owned();
    let student = program.student();
    let (conversation, other) = (student.begin("과학 탐구").await, student.begin("역사 연구").await);
    let turn = student.ask(&other, "왜 그랬나요?").await;
    student.finish(&turn).await;
    model.set(Purpose::Chat, Behaviour::default().gate_at(1));
    let running = student.ask(&conversation, "하늘은 왜 파래요?").await;
    model.wait_for_waiting(1).await;

    // The log of changes is larger than the program's own log, which stays writable.
    let size = fs::metadata(folder.path().join(format!("{FILE}-wal"))).unwrap().len();
    assert!(size > 20 * fs::metadata(folder.path().join("log")).unwrap().len());
    limit_files(folder.path(), Some(size));
    student.send(&other, "다음 질문", None).await.problem(503, "store-unavailable");
    let ready = student.get("/ready").await.expect(503).json();
    assert_eq!((&ready["store"], &ready["failing"]), (&"unavailable".into(), &"database-write".into()), "{ready}");
    let (well, output) = run(folder.path(), &["doctor"], &[("OPENAI_BASE_URL", &base_url), ("APP_PORT", &port)]).await;
    assert!(!well && output.contains("database-write"), "{output}");
    // The answer that ends meanwhile waits, and many writes fail.
    model.release_all(Purpose::Chat);
    eventually("many writes to fail", async || {
        student.send(&other, "다음 질문", None).await.expect(503);
        let metrics = student.get("/metrics").await.expect(200).text();
        let failures = metrics.lines().find_map(|line| line.strip_prefix("store_write_failures_total "));
        (failures.unwrap().parse::<u32>().unwrap() > 20).then_some(())
    })
    .await;

    limit_files(folder.path(), None);
    eventually("the program to be ready", async || (student.get("/ready").await.status == 200).then_some(())).await;
    assert_eq!(student.finish(&running).await.state, "done");
    let turn = student.ask(&other, "다음 질문").await;
    assert_eq!(student.finish(&turn).await.state, "done");
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    for line in ["writes could not be stored", "the store failed a request"] {
        assert_eq!(log.matches(line).count(), 1, "{line} in {log}");
    }
    program.terminate();
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_deleted_database_file_is_named_by_ready_and_by_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let program = Process::start(folder.path(), &[]);
    let port = program.url.rsplit(':').next().unwrap().to_owned();
    let student = program.student();
    student.get("/ready").await.expect(200);
    for part in ["", "-wal", "-shm"] {
        fs::remove_file(folder.path().join(format!("{FILE}{part}"))).unwrap();
    }
    let ready = student.get("/ready").await.expect(503).json();
    assert_eq!((&ready["status"], &ready["failing"]), (&"unavailable".into(), &"database-file".into()), "{ready}");
    for _ in 0..20 {
        student.get("/ready").await.expect(503);
    }
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.matches("the store does not answer").count(), 1, "{log}");
    let (well, output) = run(folder.path(), &["doctor", "--language", "ko"], &[("APP_PORT", &port)]).await;
    assert!(!well && output.contains("database-file") && output.contains("✗"), "{output}");
}

#[tokio::test]
async fn turns_accepted_into_a_deleted_log_survive_a_kill() {
    let model = FakeOpenAi::start().await;
    let (folder, base_url) = (tempfile::tempdir().unwrap(), model.base_url());
    let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("RATE_LIMIT", "off")];
    let program = Process::start(folder.path(), &settings);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let question = "하늘은 왜 파래요?";
    let turn = student.ask(&conversation, question).await;
    student.finish(&turn).await;
    student.get("/ready").await.expect(200);
    let log = folder.path().join(format!("{FILE}-wal"));
    fs::remove_file(&log).unwrap();
    let ready = student.get("/ready").await.expect(503).json();
    assert_eq!((&ready["store"], &ready["failing"]), (&"unavailable".into(), &"database-log".into()), "{ready}");
    eventually("questions to be refused", async || {
        (student.send(&conversation, "다음 질문", None).await.status == 503).then_some(())
    })
    .await;
    // The content of the deleted log is in the file, so a copy of it without any log has the turn.
    eventually("the turn to be in the file", async || {
        fs::read(folder.path().join(FILE))
            .unwrap()
            .windows(question.len())
            .any(|part| part == question.as_bytes())
            .then_some(())
    })
    .await;
    program.kill();
}
