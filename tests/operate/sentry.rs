//! Errors to Sentry: a receiver of ours takes what the program sends.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use sea_orm::{ConnectionTrait, Database};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    openai::{Behaviour, FakeOpenAi, Purpose},
    process::Process,
    soon,
    student::Student,
};

const SECRET: &str = "비밀스러운";
const KEY: &str = "sk-secret-key";
const DSN_KEY: &str = "dsn-public-key";

/// What came in: path and headers as text, and the body.
#[derive(Clone)]
struct Sent {
    head: String,
    body: Vec<u8>,
}

impl Sent {
    /// The event in the envelope: the line after the one that announces it.
    fn event(&self) -> Option<Value> {
        let text = String::from_utf8(self.body.clone()).expect("an envelope isn't compressed");
        let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap_or_default());
        lines.find(|line| line["type"] == "event")?;
        lines.next()
    }
}

/// A Sentry. It answers with its status, or never.
struct Receiver {
    port: u16,
    seen: Arc<Seen>,
}

/// A status, and perhaps a `Retry-After`.
type Answer = (StatusCode, Option<&'static str>);

struct Seen {
    answer: Option<Answer>,
    sent: Mutex<Vec<Sent>>,
    more: tokio::sync::Notify,
}

impl Receiver {
    /// One that answers so, or that lets everybody wait.
    async fn start(answer: Option<Answer>) -> Self {
        let seen = Arc::new(Seen { answer, sent: Mutex::default(), more: tokio::sync::Notify::new() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().fallback(take).with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, seen }
    }

    async fn good() -> Self {
        Self::start(Some((StatusCode::OK, None))).await
    }

    fn dsn(&self) -> String {
        format!("http://{DSN_KEY}@127.0.0.1:{}/7", self.port)
    }

    fn sent(&self) -> Vec<Sent> {
        self.seen.sent.lock().unwrap().clone()
    }

    fn events(&self) -> Vec<Value> {
        self.sent().iter().filter_map(Sent::event).collect()
    }

    /// Waits for an event like this.
    async fn event(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        soon(what, async {
            loop {
                let more = self.seen.more.notified();
                if let Some(event) = self.events().into_iter().find(&wanted) {
                    return event;
                }
                more.await;
            }
        })
        .await
    }
}

async fn take(State(seen): State<Arc<Seen>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    seen.sent.lock().unwrap().push(Sent { head: format!("{uri} {headers:?}"), body: body.to_vec() });
    seen.more.notify_waiters();
    match seen.answer {
        Some((status, Some(retry_after))) => (status, [("retry-after", retry_after)]).into_response(),
        Some((status, None)) => status.into_response(),
        None => std::future::pending().await,
    }
}

fn start(folder: &Path, openai: &FakeOpenAi, receiver: &Receiver, settings: &[(&str, &str)]) -> Process {
    let (base_url, dsn) = (openai.base_url(), receiver.dsn());
    let usual = [
        ("OPENAI_BASE_URL", base_url.as_str()),
        ("OPENAI_API_KEY", KEY),
        ("SENTRY_DSN", dsn.as_str()),
        ("SHUTDOWN_GRACE_SECONDS", "0"),
        ("RATE_LIMIT", "off"),
    ];
    Process::start(folder, &[&usual, settings].concat())
}

/// Does something to the program's database behind its back, as a damaged disk would.
async fn damage(folder: &Path, sql: &str) {
    let database = format!("sqlite://{}", folder.join("data/llm-classroom.db").display());
    Database::connect(database).await.unwrap().execute_unprepared(sql).await.unwrap();
}

const NO_TURNS: &str = "ALTER TABLE turns RENAME TO elsewhere";

/// Reads the conversation, which fails; gives the request's id.
async fn fail(student: &Student, conversation: &str) -> String {
    let reply = student.get(&format!("/api/v1/conversations/{conversation}")).await.expect(500);
    reply.header("x-request-id")
}

#[tokio::test]
async fn errors_arrive_with_their_request_and_turn_and_without_a_students_words() {
    let (openai, receiver, folder) = (FakeOpenAi::start().await, Receiver::good().await, TempDir::new().unwrap());
    let settings =
        [("APP_ENV", "production"), ("APP_BASE_URL", "https://class.example.kr"), ("LOG_STUDENT_TEXT", "on")];
    let program = start(folder.path(), &openai, &receiver, &settings);
    openai.queue(Purpose::Chat, Behaviour::text([&format!("{SECRET} 답")]).gate_at(1));
    let student = program.student();
    let conversation = student.begin(&format!("{SECRET} 주제")).await;
    let accepted = student.send(&conversation, &format!("{SECRET} 질문"), None).await.expect(202);
    openai.wait_for_waiting(1).await;
    damage(folder.path(), NO_TURNS).await;

    // Of a request.
    let request = fail(&student, &conversation).await;
    let event = receiver.event("the request's error", |event| event["tags"]["request.id"] == request).await;
    // The level of an event that names none is "error".
    assert_eq!((&event["level"], &event["environment"]), (&Value::Null, &"production".into()), "{event}");
    assert_eq!(event["release"], concat!("llm-classroom@", env!("CARGO_PKG_VERSION")), "{event}");
    assert_eq!(event["tags"]["http.route"], "/api/v1/conversations/{id}", "{event}");
    let exception = &event["exception"]["values"][0];
    assert_eq!(exception["type"], "the store failed a request", "{event}");
    assert!(exception["value"].as_str().is_some_and(|value| value.contains("no such table")), "{event}");
    for person in ["user", "request", "breadcrumbs"] {
        assert!(event[person].is_null(), "{event}");
    }
    assert!(event["tags"]["learner"].is_null(), "{event}");

    // Of a turn, long after its request.
    openai.release_all(Purpose::Chat);
    let turn = accepted.json()["turn_id"].clone();
    let event = receiver.event("the turn's error", |event| event["tags"]["turn.id"] == turn).await;
    assert_eq!(event["tags"]["request.id"], accepted.header("x-request-id"), "{event}");
    assert_eq!(event["exception"]["values"][0]["type"], "an outcome could not be stored; trying again", "{event}");

    // The last one, when the program ends.
    program.terminate();
    program.ended().await;
    let lost = "an outcome was lost: the program ended while the store was away";
    receiver.event("the last error", |event| event["exception"]["values"][0]["type"] == lost).await;

    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let cookie = student.cookie().unwrap();
    for secret in [SECRET, KEY, cookie.split_once('=').unwrap().1, "127.0.0.1"] {
        for sent in receiver.sent() {
            let body = String::from_utf8(sent.body).unwrap();
            assert!(!body.contains(secret), "{secret} in {body}");
        }
    }
    assert!(log.contains(SECRET), "asked for, the words are in the log");
    assert!(
        receiver.sent().iter().all(|sent| sent.head.starts_with("/api/7/envelope/") && sent.head.contains(DSN_KEY))
    );
}

#[tokio::test]
async fn an_outage_does_not_send_every_error() {
    let (openai, receiver, folder) = (FakeOpenAi::start().await, Receiver::good().await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &receiver, &[]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    damage(folder.path(), NO_TURNS).await;
    for _ in 0..40 {
        fail(&student, &conversation).await;
    }
    program.terminate();
    program.ended().await;
    let of_requests = receiver.events().into_iter().filter(|event| event["tags"]["http.route"].is_string()).count();
    assert_eq!(of_requests, 5);
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.matches("the store failed a request").count(), 40, "the log has them all");
}

#[tokio::test]
async fn a_receiver_that_never_answers_holds_up_neither_requests_nor_the_end() {
    let (openai, receiver, folder) = (FakeOpenAi::start().await, Receiver::start(None).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &receiver, &[]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    damage(folder.path(), NO_TURNS).await;
    for _ in 0..40 {
        fail(&student, &conversation).await;
    }
    receiver.event("the first error", |_| true).await;
    fail(&student, &conversation).await;
    program.terminate();
    // While the first sending still waits; sending all of them one after the other would outlast this test's patience.
    program.ended().await;
    assert_eq!(receiver.events().len(), 1);
}

#[tokio::test]
async fn a_receiver_that_fails_or_has_enough_is_no_trouble() {
    for (status, retry_after, arrive) in
        [(StatusCode::INTERNAL_SERVER_ERROR, None, 3), (StatusCode::TOO_MANY_REQUESTS, Some("3600"), 1)]
    {
        let (openai, folder) = (FakeOpenAi::start().await, TempDir::new().unwrap());
        let receiver = Receiver::start(Some((status, retry_after))).await;
        let program = start(folder.path(), &openai, &receiver, &[]);
        let student = program.student();
        let conversation = student.begin("과학 탐구").await;
        damage(folder.path(), NO_TURNS).await;
        for _ in 0..3 {
            fail(&student, &conversation).await;
            receiver.event("the first error", |_| true).await;
        }
        student.get("/health").await.expect(200);
        program.terminate();
        program.ended().await;
        let of_requests = receiver.events().iter().filter(|event| event["tags"]["http.route"].is_string()).count();
        assert_eq!(of_requests, arrive, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_can_not_begin_says_so_to_sentry_too() {
    let (receiver, folder) = (Receiver::good().await, TempDir::new().unwrap());
    let stderr = run(
        folder.path(),
        &[("SENTRY_DSN", &receiver.dsn()), ("DATABASE_URL", "sqlite:///proc/none/x.db"), ("APP_PORT", "0")],
    );
    assert!(stderr.contains("DATABASE_URL"), "{stderr}");
    let events = receiver.events();
    assert_eq!((events.len(), &events[0]["level"]), (1, &"fatal".into()), "{events:?}");
}

/// Runs the program, which must fail; returns its output.
fn run(folder: &Path, environment: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    let output = command.current_dir(folder).env_clear().envs(environment.iter().copied()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
}

#[test]
fn a_dsn_that_can_not_be_read_is_refused_with_the_mend_and_not_repeated() {
    let folder = TempDir::new().unwrap();
    for dsn in ["sk-secret-word", "https://o1.ingest.sentry.io/secret-word", "ftp://secret-word@h/1"] {
        let stderr = run(folder.path(), &[("SENTRY_DSN", dsn)]);
        assert!(stderr.contains("SENTRY_DSN") && stderr.contains("Client Keys"), "{stderr}");
        assert!(!stderr.contains("secret-word") && !stderr.contains("panicked"), "{stderr}");
    }
}
