//! One process serves an SQLite file. Others say so at once and leave it alone, whatever they came for.

use std::{
    fs,
    net::TcpListener,
    os::fd::OwnedFd,
    path::Path,
    process::{Child, Command, Stdio},
};

use crate::{
    backup::{refused, succeed},
    support::{
        eventually,
        openai::{Behaviour, FakeOpenAi, Purpose},
        process::Process,
        student::{Student, http_client},
    },
};

const FILE: &str = "data/llm-classroom.db";

/// How the process that serves describes itself: with its number.
fn holder(folder: &Path) -> String {
    let holder = fs::read_to_string(folder.join(FILE).with_added_extension("lock")).unwrap();
    let holder = holder.trim().to_owned();
    assert!(holder.starts_with("process ") && holder.contains("serve"), "{holder}");
    holder
}

#[tokio::test]
async fn a_second_process_on_another_port_is_refused_and_interrupts_no_running_answer() {
    let (model, folder) = (FakeOpenAi::start().await, tempfile::tempdir().unwrap());
    model.set(Purpose::Chat, Behaviour::default().gate_at(1));
    let base_url = model.base_url();
    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", &base_url)]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    model.wait_for_waiting(1).await;
    std::os::unix::fs::symlink("data", folder.path().join("link")).unwrap();
    let absolute = format!("sqlite://{}", folder.path().join(FILE).display());
    for url in ["sqlite://data/llm-classroom.db", "sqlite:link/llm-classroom.db", &absolute] {
        let settings = [("OPENAI_BASE_URL", base_url.as_str()), ("APP_PORT", "0"), ("DATABASE_URL", url)];
        let output = refused(folder.path(), &[], &settings).await;
        assert!(output.contains("llm-classroom.db is being served at this moment"), "{url}: {output}");
        assert!(output.contains(&holder(folder.path())) && output.contains("stop that one first"), "{url}: {output}");
    }
    model.release_all(Purpose::Chat);
    assert_eq!(student.finish(&turn).await.state, "done");
    program.terminate();
    assert!(program.ended().await.success());
}

#[tokio::test]
async fn a_killed_process_leaves_its_database_free() {
    let folder = tempfile::tempdir().unwrap();
    let program = Process::start(folder.path(), &[]);
    program.kill();
    // What it wrote of itself is still there, and means nothing.
    holder(folder.path());
    let next = Process::start(folder.path(), &[]);
    next.student().get("/ready").await.expect(200);
}

#[tokio::test]
async fn a_restore_is_refused_while_a_process_serves_the_place_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let program = Process::start(folder.path(), &[]);
    program.student().begin("과학 탐구").await;
    succeed(folder.path(), &["backup"], &[]).await;
    let output = refused(folder.path(), &["restore"], &[]).await;
    assert!(output.contains(&holder(folder.path())), "{output}");
    // The file is gone, and the process that serves doesn't know it yet.
    for part in ["", "-wal", "-shm"] {
        fs::remove_file(folder.path().join(format!("{FILE}{part}"))).unwrap();
    }
    let output = refused(folder.path(), &["restore"], &[]).await;
    assert!(output.contains(&holder(folder.path())) && output.contains("stop that one first"), "{output}");
    assert!(!folder.path().join(FILE).exists());
    program.kill();
    succeed(folder.path(), &["restore"], &[]).await;
}

#[tokio::test]
async fn a_backup_a_diagnosis_and_a_migration_work_beside_the_process_that_serves() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let settings = [("APP_PORT", port.as_str())];
    let program = Process::start(folder.path(), &settings);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    for words in [&["backup"][..], &["backup", "verify"], &["migrate"], &["doctor"]] {
        succeed(folder.path(), words, &settings).await;
    }
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    assert_eq!(student.finish(&turn).await.state, "done");
}

/// A process to which systemd passes this socket.
fn with_passed_socket(folder: &Path, socket: &TcpListener) -> Child {
    let socket = OwnedFd::from(socket.try_clone().unwrap());
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    Command::new("/bin/sh")
        .args(["-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" 3<&0 </dev/null", env!("CARGO_BIN_EXE_llm-classroom")])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::from(socket))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_process_with_systemds_sockets_waits_for_the_one_before_it_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let before = Process::start(folder.path(), &[]);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let mut next = with_passed_socket(folder.path(), &socket);
    eventually("the next process to wait", async || {
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        log.contains("waiting for its end").then_some(())
    })
    .await;
    let visitor = Student::new(http_client(), url);
    // A connection made meanwhile waits in the socket's queue and isn't refused.
    let visit = tokio::spawn(async move { visitor.get("/ready").await.status });
    before.student().get("/ready").await.expect(200);
    before.terminate();
    assert!(before.ended().await.success());
    assert_eq!(visit.await.unwrap(), 200);
    next.kill().unwrap();
    next.wait().unwrap();
}

#[tokio::test]
async fn an_address_for_metrics_that_is_taken_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = refused(folder.path(), &[], &[("APP_PORT", "0"), ("METRICS_ADDR", &address)]).await;
    assert!(output.contains(&format!("{address} can't be listened on")), "{output}");
    assert!(output.contains("METRICS_ADDR chooses another port"), "{output}");
    assert!(!folder.path().join(FILE).exists(), "the database was touched");
}
