//! Proxies in front that send headers that can't be read: one warning is logged.

use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::process::Process;

#[tokio::test]
async fn a_trusted_proxy_that_names_no_address_is_warned_of_once() {
    let folder = TempDir::new().unwrap();
    let program = Process::start(folder.path(), &[("TRUSTED_PROXIES", "127.0.0.1"), ("RUST_LOG", "debug")]);
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    let student = program.student();
    let ask = async |forwarded: &str| {
        let call = student.call(Method::POST, "/api/v1/chat/initial-guide").header("x-forwarded-for", forwarded);
        call.json(&json!({ "topic": "과학 탐구" })).send().await.expect(200);
    };
    for readable in ["198.51.100.7:5678", "[2001:db8::1]:80", "198.51.100.7, \"[2001:db8::1]:80\""] {
        ask(readable).await;
    }
    assert!(!log().contains("X-Forwarded-For"), "{}", log());
    for unreadable in ["unknown", "_hidden", "비밀"] {
        ask(unreadable).await;
    }
    assert_eq!(log().matches("X-Forwarded-For").count(), 1, "{}", log());
    assert!(!log().contains("_hidden") && !log().contains("비밀"));
}

#[tokio::test]
async fn a_request_for_a_foreign_name_is_warned_of_once_without_the_name() {
    let folder = TempDir::new().unwrap();
    let program = Process::start(folder.path(), &[]);
    for host in ["evil.example", "other.example"] {
        let call = program.student().call(Method::GET, "/help.html").header("host", host);
        call.send().await.expect(421);
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.matches("ALLOWED_HOSTS").count(), 1, "{log}");
    assert!(!log.contains("evil.example"), "{log}");
}

#[tokio::test]
async fn a_page_behind_a_rewritten_host_is_refused_and_the_operator_told_what_to_set() {
    let folder = TempDir::new().unwrap();
    let program = Process::start(folder.path(), &[]);
    for _ in 0..2 {
        let call =
            program.student().call(Method::POST, "/api/v1/conversations").header("origin", "http://class.example.kr");
        call.json(&json!({ "topic": "과학 탐구" })).send().await.problem(403, "cross-site");
    }
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.matches("APP_BASE_URL").count(), 1, "{log}");
}

#[tokio::test]
async fn the_listener_of_the_figures_on_a_desk_answers_to_this_machine_alone() {
    let folder = TempDir::new().unwrap();
    let _program = Process::start(folder.path(), &[("METRICS_ADDR", "127.0.0.1:0")]);
    let address = crate::support::eventually("the listener", async || {
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        Some(log.split("metrics.address=").nth(1)?.split_whitespace().next()?.to_owned())
    })
    .await;
    let operator =
        crate::support::student::Student::new(crate::support::student::http_client(), format!("http://{address}"));
    operator.get("/metrics").await.expect(200);
    let call = operator.call(Method::GET, "/metrics").header("host", "evil.example");
    assert_eq!(call.send().await.status.as_u16(), 421);
}
