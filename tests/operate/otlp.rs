//! Traces: a collector of ours takes what the program exports.

use std::{
    collections::BTreeMap,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode as SpanStatus},
};
use prost::Message;
use reqwest::Method;
use serde_json::json;
use tempfile::TempDir;

use crate::support::{
    eventually,
    openai::{Behaviour, FakeOpenAi, Purpose},
    process::Process,
    soon,
};

const SECRET: &str = "비밀스러운";
const KEY: &str = "sk-secret-key";
const QUESTION: &str = "비밀스러운 질문";
const ASK: &str = "POST /api/v1/conversations/{id}/turns";

/// A collector. It answers with its status, or never.
struct Collector {
    port: u16,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    /// 0 for no answer at all.
    status: AtomicU16,
    calls: AtomicUsize,
    bodies: Mutex<Vec<Bytes>>,
    more: tokio::sync::Notify,
}

impl Collector {
    async fn start(status: u16) -> Self {
        let seen = Arc::new(Seen { status: status.into(), ..Seen::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let app = Router::new().fallback(take).with_state(seen.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { port, seen }
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn bodies(&self) -> Vec<Bytes> {
        self.seen.bodies.lock().unwrap().clone()
    }

    fn exports(&self) -> Vec<ExportTraceServiceRequest> {
        self.bodies().into_iter().map(|body| ExportTraceServiceRequest::decode(body).unwrap()).collect()
    }

    fn spans(&self) -> Vec<Span> {
        let scopes = self.exports().into_iter().flat_map(|export| export.resource_spans).flat_map(|of| of.scope_spans);
        scopes.flat_map(|of| of.spans).collect()
    }

    /// Waits until what came is as wanted.
    async fn until(&self, what: &str, wanted: impl Fn(&Seen) -> bool) {
        soon(what, async {
            loop {
                let more = self.seen.more.notified();
                if wanted(&self.seen) {
                    return;
                }
                more.await;
            }
        })
        .await;
    }

    /// The trace of the last span of this name.
    async fn trace(&self, of: &str) -> Trace {
        self.until(of, |_| self.spans().iter().any(|span| span.name == of)).await;
        let spans = self.spans();
        let id = spans.iter().rfind(|span| span.name == of).unwrap().trace_id.clone();
        Trace(spans.into_iter().filter(|span| span.trace_id == id).collect())
    }
}

async fn take(State(seen): State<Arc<Seen>>, uri: Uri, body: Bytes) -> Response {
    assert_eq!(uri.path(), "/v1/traces");
    let status = seen.status.load(Ordering::SeqCst);
    if status == 200 {
        seen.bodies.lock().unwrap().push(body);
    }
    seen.calls.fetch_add(1, Ordering::SeqCst);
    seen.more.notify_waiters();
    match StatusCode::from_u16(status) {
        Ok(status) => status.into_response(),
        Err(_) => std::future::pending().await,
    }
}

/// The spans of one trace.
struct Trace(Vec<Span>);

impl Trace {
    /// The one span of this name.
    fn only(&self, name: &str) -> &Span {
        let [span] = self.all(name)[..] else { panic!("one {name} in {:?}", self.names()) };
        span
    }

    fn all(&self, name: &str) -> Vec<&Span> {
        self.0.iter().filter(|span| span.name == name).collect()
    }

    fn names(&self) -> Vec<&str> {
        self.0.iter().map(|span| span.name.as_str()).collect()
    }
}

fn attributes(of: &[KeyValue]) -> BTreeMap<&str, String> {
    let text = |value: &KeyValue| match value.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    of.iter().map(|pair| (pair.key.as_str(), text(pair))).collect()
}

fn status(of: &Span) -> SpanStatus {
    of.status.as_ref().map_or(SpanStatus::Unset, |status| status.code())
}

#[track_caller]
fn assert_within(inner: &Span, outer: &Span) {
    assert_eq!(inner.parent_span_id, outer.span_id, "{} is a part of {}", inner.name, outer.name);
    assert!(inner.start_time_unix_nano >= outer.start_time_unix_nano, "{} begins in {}", inner.name, outer.name);
    assert!(inner.end_time_unix_nano <= outer.end_time_unix_nano, "{} ends in {}", inner.name, outer.name);
}

fn start(folder: &Path, openai: &FakeOpenAi, endpoint: &str, settings: &[(&str, &str)]) -> Process {
    let base_url = openai.base_url();
    let usual = [
        ("OPENAI_BASE_URL", base_url.as_str()),
        ("OPENAI_API_KEY", KEY),
        ("MODEL_RETRIES", "0"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "20"),
    ];
    Process::start(folder, &[&usual, settings].concat())
}

#[tokio::test]
async fn a_turn_is_one_trace_from_the_request_to_the_commit() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(200).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &collector.endpoint(), &[("LOG_STUDENT_TEXT", "on")]);
    openai.set(Purpose::Chat, Behaviour::text([&format!("{SECRET} "), "답"]).gate_at(1));
    openai.set(Purpose::Tutor, Behaviour::default().gate_at(1));
    let student = program.student();
    let conversation = student.begin(&format!("{SECRET} 주제")).await;
    let turn = student.ask(&conversation, QUESTION).await;
    // Both calls have begun and wait; the request was answered.
    openai.wait_for_waiting(2).await;
    let released = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap();
    openai.release_all(Purpose::Chat);
    openai.release_all(Purpose::Tutor);
    student.finish(&turn).await;

    let trace = collector.trace(ASK).await;
    let (request, run) = (trace.only(ASK), trace.only("turn"));
    let (chat, tutor, commit) = (trace.only("chat gpt-4o-mini"), trace.only("tutor gpt-4o-mini"), trace.only("commit"));
    assert_eq!(trace.names().len(), 7, "these, and an attempt of each call: {:?}", trace.names());
    for attempt in trace.all("attempt") {
        assert_within(attempt, if attempt.parent_span_id == chat.span_id { chat } else { tutor });
    }
    for part in [chat, tutor, commit] {
        assert_within(part, run);
        assert_ne!(status(part), SpanStatus::Error);
        assert!(part.end_time_unix_nano > released, "{} ends with its last word", part.name);
    }
    assert!(request.parent_span_id.is_empty());
    assert_eq!(run.parent_span_id, request.span_id);
    assert!(run.start_time_unix_nano >= request.start_time_unix_nano);
    assert!(
        request.end_time_unix_nano < released && released < run.end_time_unix_nano,
        "the request doesn't wait for its turn"
    );
    let (latest_begin, first_end) = (
        chat.start_time_unix_nano.max(tutor.start_time_unix_nano),
        chat.end_time_unix_nano.min(tutor.end_time_unix_nano),
    );
    assert!(latest_begin < first_end, "both calls run at the same time");
    assert!(commit.start_time_unix_nano >= chat.end_time_unix_nano.max(tutor.end_time_unix_nano));

    let found = attributes(&request.attributes);
    assert_eq!((request.kind(), chat.kind()), (SpanKind::Server, SpanKind::Client));
    assert_eq!(
        (found["http.request.method"].as_str(), found["http.response.status_code"].as_str()),
        ("POST", "202"),
        "{found:?}"
    );
    assert_eq!(found["turn.id"], turn);
    let found = attributes(&run.attributes);
    assert_eq!((found["turn.state"].as_str(), found["turn.id"].as_str()), ("done", turn.as_str()), "{found:?}");
    let port = openai.port().to_string();
    for call in [chat, tutor] {
        let found = attributes(&call.attributes);
        for (name, value) in [
            ("gen_ai.operation.name", "chat"),
            ("gen_ai.request.model", "gpt-4o-mini"),
            ("gen_ai.response.model", "gpt-4o-mini"),
            ("server.address", "127.0.0.1"),
            ("server.port", port.as_str()),
        ] {
            assert_eq!(found[name], value, "{name} of {found:?}");
        }
        for tokens in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
            assert!(found[tokens].parse::<u32>().unwrap() > 0, "{found:?}");
        }
    }
    let resource = collector.exports()[0].resource_spans[0].resource.clone().unwrap().attributes;
    let found = attributes(&resource);
    assert_eq!(
        (found["service.name"].as_str(), found["service.version"].as_str(), found["deployment.environment"].as_str()),
        ("llm-classroom", env!("CARGO_PKG_VERSION"), "development")
    );

    let cookie = student.cookie().unwrap();
    for secret in [SECRET, KEY, cookie.split_once('=').unwrap().1] {
        let holds = |body: &Bytes| body.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!collector.bodies().iter().any(holds), "{secret}");
    }
    assert!(std::fs::read_to_string(folder.path().join("log")).unwrap().contains(SECRET), "asked for, it is logged");
}

#[tokio::test]
async fn a_call_that_is_tried_again_shows_each_attempt() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(200).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &collector.endpoint(), &[("MODEL_RETRIES", "1")]);
    openai.queue(Purpose::Chat, Behaviour::status(500, "oops"));
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let trace = collector.trace(ASK).await;
    let chat = trace.only("chat gpt-4o-mini");
    let mut attempts = trace.all("attempt");
    attempts.retain(|attempt| attempt.parent_span_id == chat.span_id);
    attempts.sort_by_key(|attempt| attempt.start_time_unix_nano);
    let codes = attempts.iter().map(|attempt| attributes(&attempt.attributes)["http.response.status_code"].clone());
    assert_eq!(codes.collect::<Vec<_>>(), ["500", "200"]);
    assert_eq!((status(attempts[0]), status(attempts[1])), (SpanStatus::Error, SpanStatus::Unset));
    assert_eq!(attributes(&attempts[0].attributes)["error.type"], "server");
    assert_eq!(status(chat), SpanStatus::Unset, "the call succeeded in the end");
    assert!(chat.events.iter().any(|event| event.name == "model call failed, trying again"), "{:?}", chat.events);

    // Failed for good, it fails its turn.
    openai.set(Purpose::Chat, Behaviour::status(500, "oops"));
    let turn = student.ask(&conversation, QUESTION).await;
    student.finish(&turn).await;
    let failed = |span: &Span| span.name == "turn" && attributes(&span.attributes)["turn.state"] == "failed";
    collector.until("the failed turn", |_| collector.spans().iter().any(failed)).await;
    let run = collector.spans().into_iter().find(failed).unwrap();
    let chat = collector.spans().into_iter().find(|span| {
        span.trace_id == run.trace_id && attributes(&span.attributes).get("llm.purpose").is_some_and(|it| it == "chat")
    });
    let chat = chat.expect("the call was sent before its turn");
    assert_eq!((status(&run), status(&chat)), (SpanStatus::Error, SpanStatus::Error));
    assert_eq!(attributes(&chat.attributes)["error.type"], "server");
}

#[tokio::test]
async fn a_turn_that_is_stopped_ends_its_spans() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(200).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &collector.endpoint(), &[]);
    openai.set(Purpose::Chat, Behaviour::default().gate_at(1));
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    openai.wait_for_waiting(1).await;
    student.cancel(&turn).await.expect(204);
    let trace = collector.trace(ASK).await;
    let (run, chat) = (trace.only("turn"), trace.only("chat gpt-4o-mini"));
    assert_eq!(attributes(&run.attributes)["turn.state"], "cancelled");
    assert_eq!(attributes(&chat.attributes)["error.type"], "cancelled");
    assert_eq!(status(run), SpanStatus::Unset, "a cancelled turn is no failure");
    assert_within(chat, run);
    assert_within(trace.only("commit"), run);
    // The request that stopped it is a trace of its own, found by the turn.
    let stop = collector.trace("POST /api/v1/turns/{id}/cancel").await;
    assert_eq!(attributes(&stop.0[0].attributes)["turn.id"], turn);
}

#[tokio::test]
async fn probes_and_assets_make_no_traces_and_strangers_choose_none() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(200).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &collector.endpoint(), &[]);
    let student = program.student();
    let page = student.get("/help.html").await.expect(200).text();
    let asset = page.split('"').find(|text| text.starts_with("/static/")).unwrap();
    for path in ["/health", "/ready", "/metrics", asset] {
        student.get(path).await.expect(200);
    }
    let theirs = "0af7651916cd43dd8448eb211c80319c";
    let call = student.call(Method::GET, "/conversations.html");
    call.header("traceparent", format!("00-{theirs}-b7ad6b7169203331-01")).send().await.expect(200);
    let trace = collector.trace("GET /conversations.html").await;
    let id: String = trace.0[0].trace_id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_ne!(id, theirs);
    assert!(trace.0[0].parent_span_id.is_empty());
    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["GET /help.html", "GET /conversations.html"]);
}

#[tokio::test]
async fn what_is_left_is_sent_at_the_end() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(200).await, TempDir::new().unwrap());
    let settings = [("OTEL_BSP_SCHEDULE_DELAY", "3600000"), ("SHUTDOWN_GRACE_SECONDS", "60")];
    let program = start(folder.path(), &openai, &collector.endpoint(), &settings);
    openai.set(Purpose::Chat, Behaviour::default().gate_at(1));
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    student.ask(&conversation, QUESTION).await;
    openai.wait_for_waiting(1).await;
    program.terminate();
    eventually("draining", async || (student.get("/ready").await.status == 503).then_some(())).await;
    assert_eq!(collector.bodies().len(), 0);
    openai.release_all(Purpose::Chat);
    assert!(program.ended().await.success());
    let trace = collector.trace(ASK).await;
    assert_within(trace.only("commit"), trace.only("turn"));
}

#[tokio::test]
async fn a_collector_that_fails_is_told_of_once_and_once_when_it_is_back() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(400).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &collector.endpoint(), &[]);
    let student = program.student();
    for calls in 1..=3 {
        student.get("/help.html").await.expect(200);
        collector.until("an export", |seen| seen.calls.load(Ordering::SeqCst) >= calls).await;
    }
    collector.seen.status.store(200, Ordering::SeqCst);
    let log = || std::fs::read_to_string(folder.path().join("log")).unwrap();
    eventually("the good news", async || {
        student.get("/help.html").await.expect(200);
        log().contains("traces are sent again").then_some(())
    })
    .await;
    let log = log();
    assert_eq!(log.matches("traces can't be sent").count(), 1, "{log}");
    assert!(log.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{log}");
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_neither_turns_nor_the_end() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(0).await, TempDir::new().unwrap());
    // One span an export, so that sending them all would outlast this test's patience.
    let program = start(folder.path(), &openai, &collector.endpoint(), &[("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")]);
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    for _ in 0..3 {
        let turn = student.ask(&conversation, QUESTION).await;
        assert_eq!(student.finish(&turn).await.state, "done");
    }
    collector.until("an export", |seen| seen.calls.load(Ordering::SeqCst) == 1).await;
    program.terminate();
    assert!(program.ended().await.success());
    assert_eq!(collector.seen.calls.load(Ordering::SeqCst), 1, "the first is still waited for");
}

#[tokio::test]
async fn the_standard_sampler_setting_counts() {
    let (openai, collector, folder) = (FakeOpenAi::start().await, Collector::start(200).await, TempDir::new().unwrap());
    let program = start(folder.path(), &openai, &collector.endpoint(), &[("OTEL_TRACES_SAMPLER", "always_off")]);
    program.student().post("/api/v1/conversations", json!({ "topic": "과학 탐구" })).await.expect(201);
    program.terminate();
    assert!(program.ended().await.success());
    assert_eq!(collector.seen.calls.load(Ordering::SeqCst), 0);
}

#[test]
fn an_address_that_can_not_be_one_is_refused_with_the_mend() {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_llm-classroom"));
    command.current_dir(folder.path()).env_clear().env("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318");
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && stderr.contains("OTEL_EXPORTER_OTLP_ENDPOINT must be a whole address"),
        "{stderr}"
    );
}
