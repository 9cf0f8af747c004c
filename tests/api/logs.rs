//! Log lines: request ids for support, no text of students, no secret.

use super::*;
use support::{openai::FakeOpenAi, process::Process};

#[tokio::test]
async fn no_student_text_and_no_secret_is_logged() {
    let openai = FakeOpenAi::start().await;
    let (folder, base_url) = (tempfile::tempdir().unwrap(), openai.base_url());
    for format in ["text", "json"] {
        openai.queue(CHAT, Behaviour::text(["비밀스러운 답"]));
        openai.queue(TUTOR, Behaviour::text(["비밀스러운 노트"]));
        openai.queue(CHAT, Behaviour::error(401, "invalid_api_key", "sk-secret-key is wrong"));
        openai.queue(TUTOR, Behaviour::status(500, "oops"));
        let program = Process::start(
            folder.path(),
            &[
                ("OPENAI_BASE_URL", base_url.as_str()),
                ("OPENAI_API_KEY", "sk-secret-key"),
                ("MODEL_RETRIES", "0"),
                ("LOG_FORMAT", format),
                ("RUST_LOG", "info,llm_classroom=trace,tower_http=trace"),
            ],
        );
        let student = program.student();
        let conversation = student.begin("비밀스러운 주제").await;
        for _ in 0..2 {
            let turn = student.ask(&conversation, "비밀스러운 질문").await;
            student.finish(&turn).await;
        }
        student.post("/api/v1/chat/chat", json!({ "message": "비밀스러운 질문", "topic": "비밀스러운 주제" })).await;
        student.get("/chat.html?topic=%EB%B9%84%EB%B0%80").await;
        program.terminate();
        assert!(program.ended().await.success());

        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.contains("a turn ended") && log.contains("an answer failed"), "{log}");
        let cookie = student.cookie().unwrap();
        for secret in ["비밀", "%EB%B9%84%EB%B0%80", "sk-secret-key", cookie.split_once('=').unwrap().1] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
    }
}

#[tokio::test]
async fn a_failed_request_is_found_in_the_log_by_its_id() {
    let openai = FakeOpenAi::start().await;
    openai.set(CHAT, Behaviour::status(500, "oops"));
    let folder = tempfile::tempdir().unwrap();
    let environment =
        [("OPENAI_BASE_URL", openai.base_url()), ("MODEL_RETRIES", "0".into()), ("LOG_FORMAT", "json".into())];
    let environment: Vec<(&str, &str)> = environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let program = Process::start(folder.path(), &environment);
    let reply = program.student().post("/api/v1/chat/chat", json!({ "message": "네?" })).await;
    let id = reply.problem(502, "model")["request_id"].take();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let found = lines.iter().find(|line| line["request.id"] == id && line["level"] == "WARN");
    assert!(found.is_some(), "{id} in {log}");
}

#[tokio::test]
async fn student_text_in_the_error_of_a_model_server_is_not_logged() {
    let openai = FakeOpenAi::start().await;
    // Servers that validate requests repeat parts of them in errors.
    let echo = Behaviour::error(400, "invalid_request", "1 validation error: input_value='비밀스러운 질문'");
    for purpose in [CHAT, TUTOR] {
        openai.set(purpose, echo.clone());
    }
    let (folder, base_url) = (tempfile::tempdir().unwrap(), openai.base_url());
    let program = Process::start(folder.path(), &[("OPENAI_BASE_URL", base_url.as_str())]);
    let student = program.student();
    assert_eq!(student.asked_and_answered("비밀스러운 질문").await["reason"], "misconfigured");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("an answer failed") && !log.contains("비밀"), "{log}");
}
