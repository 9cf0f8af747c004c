//! Log lines as JSON: each names its request and turn, and none contains text of a student unless a setting asks for it.

use std::{collections::BTreeSet, path::Path};

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::support::{
    openai::{Behaviour, FakeOpenAi, Purpose},
    postgres::fresh_database,
    process::Process,
    student::Student,
};

const SECRET: &str = "비밀스러운";

/// The program with a model server of ours, JSON lines and these settings over the usual ones.
fn start(folder: &Path, openai: &FakeOpenAi, settings: &[(&str, &str)]) -> Process {
    let base_url = openai.base_url();
    let usual = [("OPENAI_BASE_URL", base_url.as_str()), ("MODEL_RETRIES", "0"), ("LOG_FORMAT", "json")];
    Process::start(folder, &[&usual, settings].concat())
}

fn log(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

fn lines(folder: &Path) -> Vec<Value> {
    log(folder).lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

/// What the log calls a learner: the beginning of the hash of their cookie.
fn name_of(student: &Student) -> String {
    let cookie = student.cookie().expect("the student has a cookie");
    let token = u128::from_str_radix(cookie.split_once('=').unwrap().1, 16).unwrap();
    let hash = Sha256::digest(token.to_be_bytes());
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn a_turns_lines_are_found_from_its_request_and_back() {
    let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &[]);
    openai.set(Purpose::Tutor, Behaviour::status(500, "oops"));
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let student = program.student();
        let conversation = student.begin("과학 탐구").await;
        let accepted = student.send(&conversation, "하늘은 왜 파래요?", None).await.expect(202);
        let (turn, request) = (accepted.json()["turn_id"].clone(), accepted.header("x-request-id").to_owned());
        student.finish(turn.as_str().unwrap()).await;
        let lines = lines(folder.path());
        let of_turn: Vec<&Value> = lines.iter().filter(|line| line["turn.id"] == turn).collect();
        for line in &of_turn {
            assert_eq!(line["request.id"], request, "{line}");
            assert_eq!(line["conversation.id"], conversation, "{line}");
            assert_eq!(line["learner"], name_of(&student), "{line}");
            assert!(line["timestamp"].as_str().is_some_and(|time| time.ends_with('Z')), "{line}");
            assert!(line.as_object().unwrap().keys().all(|key| !key.starts_with("otel.") && !key.contains("span")));
        }
        let messages: Vec<&str> = of_turn.iter().filter_map(|line| line["message"].as_str()).collect();
        assert_eq!(
            messages,
            ["model call failed", "the tutor could not be asked; the coach writes the notes", "a turn ended"]
        );
        assert_eq!((&of_turn[0]["level"], &of_turn[0]["llm.purpose"]), (&"WARN".into(), &"tutor".into()));
        let ended = of_turn[2];
        assert_eq!((&ended["turn.state"], &ended["turn.model"]), (&"done".into(), &"gpt-4o-mini".into()));
        assert!(ended["turn.millis"].is_u64() && ended["turn.attempt"] == 1, "{ended}");
        assert!(ended["turn.completion_tokens"].as_u64() > Some(0), "{ended}");
        assert!(seen.insert(name_of(&student)), "two learners have two names");
    }
}

#[tokio::test]
async fn a_turn_that_is_tried_again_is_found_from_the_new_request() {
    let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &[]);
    openai.queue(Purpose::Chat, Behaviour::status(500, "oops"));
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    student.finish(&turn).await;
    let retried = student.retry(&turn).await.expect(202);
    student.finish(&turn).await;
    let lines = lines(folder.path());
    let ended: Vec<&Value> = lines.iter().filter(|line| line["message"] == "a turn ended").collect();
    assert_eq!((&ended[0]["turn.state"], &ended[0]["turn.reason"]), (&"failed".into(), &"unavailable".into()));
    assert_eq!((&ended[1]["turn.state"], &ended[1]["turn.attempt"]), (&"done".into(), &2.into()));
    assert_eq!(ended[1]["request.id"], retried.header("x-request-id"));
    assert_ne!(ended[0]["request.id"], ended[1]["request.id"]);
}

#[tokio::test]
async fn a_warning_says_its_request_though_only_warnings_are_logged() {
    let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &[("RUST_LOG", "warn")]);
    openai.set(Purpose::Chat, Behaviour::status(500, "oops"));
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, "하늘은 왜 파래요?").await;
    student.finish(&turn).await;
    let lines = lines(folder.path());
    assert!(!lines.is_empty());
    for line in lines {
        assert_eq!((&line["level"], &line["turn.id"]), (&"WARN".into(), &turn.as_str().into()), "{line}");
        assert!(line["request.id"].as_str().is_some_and(|id| !id.is_empty()), "{line}");
    }
}

/// A topic, a question, an answer and a refusal that quotes the question: everything a student's words are in.
async fn speak(openai: &FakeOpenAi, program: &Process) -> Student {
    openai.queue(Purpose::Chat, Behaviour::text([&format!("{SECRET} 답")]));
    openai.queue(Purpose::Chat, Behaviour::error(400, "invalid_request", &format!("input_value='{SECRET} 질문'")));
    let student = program.student();
    let conversation = student.begin(&format!("{SECRET} 주제")).await;
    for _ in 0..2 {
        let turn = student.ask(&conversation, &format!("{SECRET} 질문")).await;
        student.finish(&turn).await;
    }
    student
}

#[tokio::test]
async fn no_level_brings_a_students_words_or_a_secret_into_the_log() {
    let postgresql = tokio::task::spawn_blocking(fresh_database).await.unwrap();
    for database in ["sqlite://test.db", &postgresql] {
        let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
        let settings = [("RUST_LOG", "trace"), ("OPENAI_API_KEY", "sk-secret-key"), ("DATABASE_URL", database)];
        let program = start(folder.path(), &openai, &settings);
        let student = speak(&openai, &program).await;
        program.terminate();
        assert!(program.ended().await.success());
        let log = log(folder.path());
        assert!(log.contains("a turn ended") && log.contains("\"TRACE\""), "{log}");
        let cookie = student.cookie().unwrap();
        for secret in [SECRET, "sk-secret-key", cookie.split_once('=').unwrap().1, "secret-word"] {
            let line = log.lines().find(|line| line.contains(secret));
            assert_eq!(line, None, "{secret}");
        }
    }
}

/// A word in ASCII, which no escape hides, and the same in Korean.
const MARK: &str = "xyzzy비밀";

/// Sends the marked words in every place where a student's, or anybody's, can stand.
async fn send_everywhere(openai: &FakeOpenAi, program: &Process) {
    let student = program.student();
    openai.queue(Purpose::Chat, Behaviour::text([&format!("# {MARK}\n\n<b onclick=\"{MARK}\">{MARK} $\\{MARK}$\n")]));
    openai.queue(Purpose::Tutor, Behaviour::text([&format!("{MARK} 노트")]));
    openai.set(Purpose::Guide, Behaviour::text([&format!("{MARK} 안내")]));
    let conversation = student.begin(&format!("{MARK} 주제")).await;
    let turn = student.send(&conversation, &format!("{MARK} 질문"), Some("xyzzy-key")).await.expect(202);
    student.finish(turn.json()["turn_id"].as_str().unwrap()).await;
    for (message, key) in [(format!("{MARK} 다른"), "xyzzy-key"), (MARK.repeat(500), "xyzzy"), (String::new(), "")] {
        student.send(&conversation, &message, Some(key)).await;
    }
    for path in ["", "/export?format=md", "/export?format=json", "/export?format=xyzzy"] {
        student.get(&format!("/api/v1/conversations/{conversation}{path}")).await;
    }
    openai.queue(Purpose::Chat, Behaviour::error(400, "invalid_request", &format!("input_value='{MARK}'")));
    let failed = student.ask(&conversation, &format!("{MARK} 질문")).await;
    student.finish(&failed).await;
    student.retry(&failed).await;
    student.finish(&failed).await;
    for path in ["chat", "chat/stream", "initial-message", "initial-guide"] {
        for body in [
            json!({ "message": MARK, "topic": MARK }),
            json!({ "topic": MARK, "messages": [{ "role": MARK, "content": MARK }] }),
            json!({ "topic": { MARK: MARK }, "message": MARK, "model": MARK }),
        ] {
            student.post(&format!("/api/v1/chat/{path}"), body).await;
        }
        let broken = student.call(Method::POST, &format!("/api/v1/chat/{path}"));
        broken.header("content-type", "application/json").body(format!("{{\"{MARK}")).send().await;
        let form = student.call(Method::POST, &format!("/api/v1/chat/{path}"));
        form.header("content-type", "application/x-www-form-urlencoded").body(MARK).send().await;
    }
    let own = student.call(Method::POST, "/own-topic.html").header("content-type", "application/x-www-form-urlencoded");
    own.body(format!("own={MARK}")).send().await.expect(200);
    for path in
        ["/chat.html?topic=xyzzy", "/chat.html?c=xyzzy", "/xyzzy", "/api/v1/turns/xyzzy/events", "/static/xyzzy"]
    {
        student.get(path).await;
        student.call(Method::from_bytes(b"XYZZY").unwrap(), path).send().await;
    }
    for header in [
        "user-agent",
        "referer",
        "cookie",
        "accept-language",
        "prefer",
        "x-forwarded-for",
        "origin",
        "host",
        "x-request-id",
        "authorization",
        "traceparent",
        "idempotency-key",
        "sec-fetch-site",
        "if-none-match",
        "xyzzy",
    ] {
        let call = student.call(Method::POST, "/api/v1/conversations").header(header, MARK);
        call.json(&json!({ "topic": MARK })).send().await;
        student.call(Method::GET, "/conversations.html").header(header, MARK).send().await;
    }
    student.delete(&format!("/api/v1/conversations/{conversation}")).await.expect(204);
}

#[tokio::test]
async fn no_level_brings_a_word_into_the_log_from_wherever_it_is_sent() {
    let postgresql = tokio::task::spawn_blocking(fresh_database).await.unwrap();
    for (database, level) in [
        ("sqlite://test.db", "trace"),
        (&*postgresql, "trace"),
        ("sqlite://test.db", "debug"),
        ("sqlite://test.db", "info,html5ever=trace,hyper=trace,sqlx=trace,sea_orm=trace,llm_classroom=trace"),
    ] {
        let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
        let program = start(folder.path(), &openai, &[("RUST_LOG", level), ("DATABASE_URL", database)]);
        send_everywhere(&openai, &program).await;
        program.terminate();
        assert!(program.ended().await.success());
        let log = log(folder.path());
        assert!(log.contains("a turn ended") && log.contains("\"DEBUG\""), "{log}");
        for word in ["xyzzy", "XYZZY", "비밀"] {
            let line = log.lines().find(|line| line.contains(word));
            assert_eq!(line, None, "{word} at {level}");
        }
        // A library that writes texts letter by letter would not be found by its words.
        let verbose =
            lines(folder.path()).into_iter().filter(|line| line["level"] == "DEBUG" || line["level"] == "TRACE");
        let targets: BTreeSet<String> = verbose.map(|line| line["target"].as_str().unwrap().to_owned()).collect();
        let known = |target: &String| target.starts_with("llm_classroom") || target.starts_with("tower_http::trace");
        assert!(targets.iter().all(known), "{targets:?}");
    }
}

#[tokio::test]
async fn what_is_said_is_logged_when_asked_for_and_that_is_told_at_the_start() {
    for format in ["json", "text"] {
        let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
        let settings = [("LOG_STUDENT_TEXT", "on"), ("LOG_FORMAT", format)];
        let program = start(folder.path(), &openai, &settings);
        speak(&openai, &program).await;
        let log = log(folder.path());
        assert!(log.lines().next().unwrap().contains("LOG_STUDENT_TEXT is on"), "{log}");
        for word in ["질문", "답", "주제"] {
            assert!(log.contains(&format!("{SECRET} {word}")), "{word} in {log}");
        }
    }
}

#[tokio::test]
async fn a_covered_number_is_in_no_log_and_in_no_database_file() {
    const PHONE: &str = "010-2345-6789";
    let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
    let settings = [("RUST_LOG", "debug"), ("LOG_STUDENT_TEXT", "on"), ("DATABASE_URL", "sqlite://test.db")];
    let program = start(folder.path(), &openai, &settings);
    openai.queue(Purpose::Chat, Behaviour::text(["내 번호는 010-", "2345-6789예요."]));
    let student = program.student();
    let conversation = student.begin(&format!("전화 {PHONE}")).await;
    let turn = student.ask(&conversation, &format!("제 번호는 {PHONE}예요. 전화는 누가 만들었어요?")).await;
    student.finish(&turn).await;
    // Killed, so that the write-ahead log stays as it is.
    program.kill();
    let log = log(folder.path());
    assert!(log.contains("[전화번호]"), "{log}");
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(PHONE.len()).any(|part| part == PHONE.as_bytes()), "{}", path.display());
    }
}
