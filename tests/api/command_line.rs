//! The program as an operator starts it.

use std::{fs, path::Path, process::Command};

use super::*;
use clap::CommandFactory;
use llm_classroom::config::Cli;
use support::process::Process;

/// Runs the program to its end. Returns whether it succeeded, and its output.
fn run(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    command.args(arguments).current_dir(folder).env_clear().env("APP_PORT", "0").envs(environment.iter().copied());
    let output = command.output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(printed).unwrap())
}

#[test]
fn help_and_version_are_complete() {
    let folder = tempfile::tempdir().unwrap();
    let (_, version) = run(folder.path(), &["--version"], &[]);
    assert_eq!(version, format!("llm-classroom {}\n", env!("CARGO_PKG_VERSION")));
    let (_, help) = run(
        folder.path(),
        &["--help"],
        &[
            ("OPENAI_API_KEY", "sk-secret"),
            ("DATABASE_URL", "postgres://u:secret@h/d"),
            ("SENTRY_DSN", "https://secret@h/1"),
        ],
    );
    for argument in Cli::command().get_arguments() {
        let Some(name) = argument.get_env() else { continue };
        let variable = format!("[env: {}", name.to_str().unwrap());
        assert!(help.contains(&variable), "{variable} in {help}");
    }
    assert!(!help.contains("secret"), "{help}");
}

#[test]
fn invalid_settings_are_refused_with_the_fix() {
    let folder = tempfile::tempdir().unwrap();
    for (environment, advice) in [
        (&[("APP_ENV", "production")][..], "APP_BASE_URL, such as https://"),
        (&[("DATABASE_URL", "mysql://x")], "sqlite://"),
        (&[("OPENAI_API_KEY", "k\u{7f}")], "OPENAI_API_KEY"),
        (&[("APP_PORT", "99999")], "APP_PORT"),
        (&[("RUST_LOG", "=,=")], "RUST_LOG"),
        (&[("DATABASE_URL", "sqlite:///proc/none/x.db")], "DATABASE_URL"),
    ] {
        let (success, output) = run(folder.path(), &[], environment);
        assert!(!success && output.contains(advice), "{environment:?}: {output}");
        assert!(!output.contains("panicked"), "{output}");
    }
}

#[test]
fn an_unreachable_database_is_reported_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let (success, output) = run(folder.path(), &[], &[("DATABASE_URL", "postgres://u:pw-secret@127.0.0.1:9/d")]);
    assert!(!success && output.contains("DATABASE_URL") && !output.contains("pw-secret"), "{output}");
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_the_fix() {
    let app = TestApp::practice().await;
    let folder = tempfile::tempdir().unwrap();
    let port = app.address.port().to_string();
    let (success, output) = run(folder.path(), &[], &[("APP_PORT", &port)]);
    assert!(!success && output.contains("APP_PORT chooses another port"), "{output}");
}

#[tokio::test]
async fn the_environment_overrides_the_dot_env_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join(".env"),
        "OPENAI_BASE_URL=http://127.0.0.1:9/v1\nOPENAI_MODEL=from-file\nOPENAI_API_KEY=\n",
    )
    .unwrap();
    let program = Process::start(folder.path(), &[]);
    assert!(program.banner.contains("from-file at http://127.0.0.1:9/v1"), "{}", program.banner);
    drop(program);
    let program = Process::start(folder.path(), &[("OPENAI_MODEL", "from-environment")]);
    assert!(program.banner.contains("from-environment at http://127.0.0.1:9/v1"), "{}", program.banner);
}

#[test]
fn migrating_the_database_twice_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let (success, output) = run(folder.path(), &["migrate"], &[]);
        assert!(success, "{output}");
        assert!(folder.path().join("data/llm-classroom.db").exists());
    }
}

#[test]
fn a_token_is_created_listed_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let token = |arguments: &[&str]| run(folder.path(), &[&["token"], arguments].concat(), &[]);
    let (success, created) = token(&["create", "수업 자료"]);
    let secret = created.lines().next().unwrap();
    assert!(success && secret.starts_with("lct_") && secret.len() > 64, "{created}");
    let (success, listed) = token(&["list"]);
    assert!(success && listed.contains("수업 자료") && !listed.contains(secret), "{listed}");
    let id = listed.split(' ').next().unwrap();
    assert!(created.contains(&format!("llm-classroom token revoke {id}")), "{created}");
    assert!(token(&["revoke", id]).0);
    let (success, output) = token(&["revoke", id]);
    assert!(!success && output.contains("there is no token"), "{output}");
    assert!(token(&["list"]).1.contains("There is no token"));
}

#[test]
fn the_document_for_the_school_is_written_from_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    let (success, korean) = run(folder.path(), &["safety-report", "--language", "ko"], &[("RETENTION_DAYS", "30")]);
    assert!(success && korean.starts_with("# 학생 데이터 보호 문서") && korean.contains("30일이 지나면"), "{korean}");
    let (success, english) = run(folder.path(), &["safety-report"], &[("OPENAI_API_KEY", "sk-secret")]);
    assert!(success && english.contains("api.openai.com") && !english.contains("sk-secret"), "{english}");
    let (success, output) = run(folder.path(), &["safety-report"], &[("APP_ENV", "production")]);
    assert!(!success && output.contains("APP_BASE_URL"), "{output}");
    assert!(!folder.path().join("data").exists(), "nothing is created");
}
