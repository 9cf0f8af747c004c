//! An OpenAI-compatible server for tests: real sockets, scripted behaviour, everything recorded.
//!
//! It reads the purpose of a call (`chat`, `tutor`, `guide`) from the schema of the request, or without a schema
//! from the user message, and plays the next behaviour queued for it, or its default. Tests need no sleeps: a behaviour can
//! stop at a gate until [`FakeOpenAi::release`], and the `wait_for_…` methods wake on what the server has seen.
//!
//! Over HTTP the same is had by `POST /control` (a [`Script`]), `POST /control/release` (a [`Release`]),
//! `POST /control/reset`, `GET /control/requests` and `GET /control/stats`.

#![allow(dead_code, unused_imports, reason = "each test binary uses another part")]

#[path = "openai/canned.rs"]
pub mod canned;
#[path = "openai/play.rs"]
mod play;
#[path = "openai/rule.rs"]
pub mod rule;
#[path = "openai/script.rs"]
pub mod script;
#[path = "openai/window.rs"]
pub mod window;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
pub use rule::{Rule, When};
pub use script::{Behaviour, Error, Gate, Newline, Purpose, Raw, Release, Script};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};

/// How long a `wait_for_…` waits before it calls the test failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// The running server. Dropping it is an outage: every connection breaks and new ones are refused, until another is
/// started on the same port.
pub struct FakeOpenAi {
    address: SocketAddr,
    shared: Arc<Shared>,
    /// Its own runtime, so that dropping it breaks all connections, and a test's paused clock doesn't stop it.
    runtime: Option<Runtime>,
}

/// What the server has seen.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Calls begun.
    pub calls: usize,
    /// Of these, by purpose.
    pub by_purpose: BTreeMap<Purpose, usize>,
    /// Calls running now.
    pub active: usize,
    /// The most that ever ran at once.
    pub max_active: usize,
    /// Calls that stand at a gate.
    pub waiting: usize,
    /// Replies sent to the end.
    pub finished: usize,
    /// Clients that hung up before the end.
    pub disconnects: usize,
    /// Text chunks sent.
    pub chunks: usize,
    /// Calls beside the only path of the API.
    pub strays: usize,
}

/// One call.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    pub purpose: Purpose,
    /// Microseconds from the server's start to the call's.
    pub at_us: u64,
    /// The client's port: calls that share a connection share it.
    pub connection: u16,
    pub path: String,
    pub query: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Recorded {
    /// The content of the last message.
    pub fn last_message(&self) -> &str {
        let messages = self.body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
        messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default()
    }
}

struct Shared {
    started: Instant,
    stats: watch::Sender<Stats>,
    script: Mutex<Stage>,
}

#[derive(Default)]
struct Stage {
    window: Option<window::Window>,
    /// The only path of the API, and what stands everywhere else.
    only_at: Option<(String, u16, String)>,
    /// Calls worked on at a time; the others wait.
    slots: Option<Arc<Semaphore>>,
    defaults: HashMap<Purpose, Behaviour>,
    queues: HashMap<Purpose, VecDeque<Behaviour>>,
    gates: HashMap<Purpose, Arc<Semaphore>>,
    requests: Vec<Recorded>,
}

impl FakeOpenAi {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_on(0).await
    }

    /// Starts on this port of 127.0.0.1; 0 for a free one.
    pub async fn start_on(port: u16) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime can be made");
        let bind = runtime.spawn(tokio::net::TcpListener::bind(("127.0.0.1", port)));
        let listener = bind.await.expect("binding doesn't panic").expect("the port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (stats, _) = watch::channel(Stats::default());
        let shared = Arc::new(Shared { started: Instant::now(), stats, script: Mutex::default() });
        let app = router(shared.clone()).into_make_service_with_connect_info::<SocketAddr>();
        let listener = listener.tap_io(|tcp| _ = tcp.set_nodelay(true));
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { address, shared, runtime: Some(runtime) }
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What belongs in `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.url())
    }

    /// What every call of a purpose gets from now on, unless something is queued.
    pub fn set(&self, purpose: Purpose, behaviour: Behaviour) {
        self.shared.lock().defaults.insert(purpose, behaviour);
    }

    /// Gives the model a context window from now on.
    pub fn set_window(&self, window: window::Window) {
        self.shared.lock().window = Some(window);
    }

    /// Has its API below this path alone from now on, and this status and body everywhere else.
    pub fn serve_only_at(&self, path: &str, status: u16, elsewhere: &str) {
        let path = format!("{path}/chat/completions");
        self.shared.lock().only_at = Some((path, status, elsewhere.to_owned()));
    }

    /// Works on this many calls at a time from now on, in the order they came.
    pub fn set_slots(&self, slots: usize) {
        self.shared.lock().slots = Some(Arc::new(Semaphore::new(slots)));
    }

    /// What the next call of a purpose gets, behind what is queued already.
    pub fn queue(&self, purpose: Purpose, behaviour: Behaviour) {
        self.shared.lock().queues.entry(purpose).or_default().push_back(behaviour);
    }

    /// Lets calls of a purpose through this many gates.
    pub fn release(&self, purpose: Purpose, count: usize) {
        self.shared.gate(purpose).add_permits(count);
    }

    /// Opens the gates of a purpose for good.
    pub fn release_all(&self, purpose: Purpose) {
        self.shared.gate(purpose).close();
    }

    /// What came in so far, in order.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().requests.clone()
    }

    /// What came in for a purpose.
    pub fn requests_for(&self, purpose: Purpose) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.purpose == purpose).collect()
    }

    pub fn stats(&self) -> Stats {
        self.shared.stats.borrow().clone()
    }

    /// Forgets requests, counts, queues and defaults, and shuts the gates again. Meant for between tests, when no
    /// call runs.
    pub fn reset(&self) {
        self.shared.reset();
    }

    /// Waits until this many calls have begun.
    pub async fn wait_for_calls(&self, count: usize) {
        self.wait_for("calls", |stats| stats.calls >= count).await;
    }

    /// Waits until this many calls of a purpose have begun.
    pub async fn wait_for_calls_of(&self, purpose: Purpose, count: usize) {
        self.wait_for("calls", |stats| stats.by_purpose.get(&purpose).is_some_and(|&calls| calls >= count)).await;
    }

    /// Waits until this many clients have hung up.
    pub async fn wait_for_disconnects(&self, count: usize) {
        self.wait_for("disconnects", |stats| stats.disconnects >= count).await;
    }

    /// Waits until this many replies were sent to the end.
    pub async fn wait_for_finished(&self, count: usize) {
        self.wait_for("finished replies", |stats| stats.finished >= count).await;
    }

    /// Waits until this many calls stand at a gate.
    pub async fn wait_for_waiting(&self, count: usize) {
        self.wait_for("calls at a gate", |stats| stats.waiting >= count).await;
    }

    /// Waits until the counts are as wanted.
    ///
    /// # Panics
    /// After [`PATIENCE`], with what was wanted and what is there.
    pub async fn wait_for(&self, what: &str, wanted: impl FnMut(&Stats) -> bool) {
        let mut stats = self.shared.stats.subscribe();
        let seen = tokio::time::timeout(PATIENCE, stats.wait_for(wanted)).await.map(|_| ());
        assert!(seen.is_ok(), "the model server waited in vain for {what}: {:?}", self.stats());
    }
}

impl Drop for FakeOpenAi {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // On a thread that may block, to be sure that the port is free when this returns.
            let shutdown = std::thread::spawn(|| runtime.shutdown_timeout(PATIENCE));
            shutdown.join().expect("shutting down doesn't panic");
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, Stage> {
        self.script.lock().expect("nothing panics while it holds the lock")
    }

    fn gate(&self, purpose: Purpose) -> Arc<Semaphore> {
        self.lock().gates.entry(purpose).or_insert_with(|| Arc::new(Semaphore::new(0))).clone()
    }

    fn count(&self, change: impl FnOnce(&mut Stats)) {
        self.stats.send_modify(change);
    }

    fn next_behaviour(&self, purpose: Purpose) -> Behaviour {
        let mut script = self.lock();
        let queued = script.queues.get_mut(&purpose).and_then(VecDeque::pop_front);
        queued.or_else(|| script.defaults.get(&purpose).cloned()).unwrap_or_default()
    }

    fn reset(&self) {
        *self.lock() = Stage::default();
        self.count(|stats| *stats = Stats::default());
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/control", post(take_script))
        .route("/control/release", post(release))
        .route("/control/reset", post(reset))
        .route("/control/requests", get(requests))
        .route("/control/stats", get(stats))
        .route("/v1/models", get(models))
        .fallback(completions)
        .with_state(shared)
}

async fn take_script(State(shared): State<Arc<Shared>>, Json(script): Json<Script>) -> StatusCode {
    if script.reset {
        shared.reset();
    }
    let mut state = shared.lock();
    state.defaults.extend(script.default);
    for (purpose, behaviours) in script.queue {
        state.queues.entry(purpose).or_default().extend(behaviours);
    }
    StatusCode::NO_CONTENT
}

async fn release(State(shared): State<Arc<Shared>>, Json(release): Json<Release>) -> StatusCode {
    for purpose in release.purpose.map_or(Purpose::ALL.to_vec(), |purpose| vec![purpose]) {
        match release.count {
            Some(count) => shared.gate(purpose).add_permits(count),
            None => shared.gate(purpose).close(),
        }
    }
    StatusCode::NO_CONTENT
}

async fn reset(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.reset();
    StatusCode::NO_CONTENT
}

async fn requests(State(shared): State<Arc<Shared>>) -> Json<Vec<Recorded>> {
    Json(shared.lock().requests.clone())
}

async fn stats(State(shared): State<Arc<Shared>>) -> Json<Stats> {
    Json(shared.stats.borrow().clone())
}

async fn models(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let mut model = json!({ "id": "fake-model", "object": "model" });
    if let Some(window) = shared.lock().window.as_ref().filter(|window| window.is_listed) {
        model["meta"] = json!({ "n_ctx": window.tokens, "n_ctx_train": 131_072 });
    }
    Json(json!({ "object": "list", "data": [model] }))
}

/// Any path that ends in `/chat/completions`, since servers put it in different places.
async fn completions(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let at = shared.started.elapsed();
    let (parts, body) = request.into_parts();
    if parts.method != "POST" || !parts.uri.path().ends_with("/chat/completions") {
        return (StatusCode::NOT_FOUND, Json(json!({ "error": { "message": "no such page" } }))).into_response();
    }
    let elsewhere = shared.lock().only_at.clone().filter(|(path, ..)| path != parts.uri.path());
    if let Some((_, status, body)) = elsewhere {
        shared.count(|stats| stats.strays += 1);
        return (StatusCode::from_u16(status).expect("a status"), body).into_response();
    }
    let bytes = axum::body::to_bytes(body, 8 << 20).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let purpose = Purpose::of(&body);
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let recorded = Recorded {
        purpose,
        at_us: u64::try_from(at.as_micros()).unwrap_or(u64::MAX),
        connection: peer.port(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
        body: body.clone(),
    };
    let mut behaviour = shared.next_behaviour(purpose);
    let (window, slots) = {
        let mut stage = shared.lock();
        stage.requests.push(recorded);
        (stage.window.clone(), stage.slots.clone())
    };
    if let Some(window) = window {
        match window.admit(&body) {
            window::Admission::Refused(refusal) => behaviour = *refusal,
            window::Admission::Read { prompt_tokens } => behaviour.prompt_tokens = Some(prompt_tokens),
        }
    }
    let slot = match slots {
        Some(slots) => slots.acquire_owned().await.ok(),
        None => None,
    };
    play::reply(shared, purpose, behaviour, body, slot).await
}
