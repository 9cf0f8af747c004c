//! Whether the program lives, and whether it is ready for students.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::IntoResponse,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::Json;
use crate::{
    engine::assistant::Assistant,
    http::{AppState, address::is_operators},
};
use llm::BreakerState;
use logging::RepeatedLine;

/// A word of welcome.
#[derive(Debug, Serialize, ToSchema)]
pub struct Greeting {
    /// The program's name.
    #[schema(value_type = String)]
    message: &'static str,
}

/// That the program lives.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `healthy`.
    #[schema(value_type = String)]
    status: &'static str,
    /// The program's version.
    #[schema(value_type = String)]
    version: &'static str,
    /// Seconds since it started.
    uptime_seconds: u64,
}

/// Whether the program is ready, and each part; strangers are told the first alone.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `unavailable` or `draining`.
    #[schema(value_type = String)]
    status: &'static str,
    /// `ok` or `unavailable`.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'static str>,
    /// What students can't do without and fails: `database-file` (SQLite's file was deleted or replaced),
    /// `database-write` (the disk is full or read-only), `database` (it doesn't answer) or `lease` (another instance
    /// serves this database alone, or this one has no lease yet). Left out while nothing fails.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<&'static str>,
    /// `in-process`, `redis`, or `redis-away`: then this instance goes on with its own students.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<&'static str>,
    /// `many` when any number of instances may serve together, `one` when REDIS_URL isn't set: then only this one.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<&'static str>,
    /// `ok`, `resting` after failures, `trying` after a rest, or `practice` when no model is connected.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    /// Turns that run here now.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    turns_running: Option<usize>,
}

/// Says hello
#[utoipa::path(get, path = "/api", tag = "status", responses((status = 200, body = Greeting)))]
pub async fn greeting() -> Json<Greeting> {
    Json(Greeting { message: "LLM Classroom API" })
}

/// Whether the program lives
#[utoipa::path(get, path = "/health", tag = "status", responses((status = 200, body = Health)))]
pub async fn health(State(state): State<AppState>) -> Json<Health> {
    let uptime_seconds = state.started.elapsed().as_secs();
    Json(Health { status: "healthy", version: env!("CARGO_PKG_VERSION"), uptime_seconds })
}

/// Whether the program is ready for students
///
/// A model server that fails doesn't make it unready: students still get their notes, and are told. What each part says
/// is told to this machine, private networks and trusted proxies alone.
#[utoipa::path(get, path = "/ready", tag = "status",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn ready(State(state): State<AppState>, request: Request) -> impl IntoResponse {
    let (request, _) = request.into_parts();
    let failing = failing_part(&state).await;
    let store = if matches!(failing, None | Some("lease")) { "ok" } else { "unavailable" };
    let provider = match &state.assistant {
        Assistant::Practice => "practice",
        Assistant::Model(client, _) => match client.breaker_state() {
            BreakerState::Closed => "ok",
            BreakerState::Open { .. } => "resting",
            BreakerState::HalfOpen => "trying",
        },
    };
    let status = match (state.engine.is_draining(), failing) {
        (true, _) => "draining",
        (false, None) => "ready",
        (false, Some(_)) => "unavailable",
    };
    let (bus, instances) = match &state.shared {
        None => ("in-process", "one"),
        Some(shared) if shared.is_up() => ("redis", "many"),
        Some(_) => ("redis-away", "many"),
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_told = is_operators(&request, &state.config.trusted_proxies);
    let readiness = Readiness {
        status,
        store: is_told.then_some(store),
        failing: failing.filter(|_| is_told),
        bus: is_told.then_some(bus),
        instances: is_told.then_some(instances),
        provider: is_told.then_some(provider),
        turns_running: is_told.then(|| state.engine.turns_running()),
    };
    (code, Json(readiness))
}

/// The first part that fails of those that students can't do without, as [`Readiness`] names it.
async fn failing_part(state: &AppState) -> Option<&'static str> {
    let is_without_database = state.engine.is_without_database();
    // A database that failed a second ago isn't waited for.
    let answered = if is_without_database { state.store.check_file().await } else { state.store.ping().await };
    if let Err(error) = answered {
        static LINE: RepeatedLine = RepeatedLine::new();
        if let Some(left_out) = LINE.due() {
            tracing::error!(error = &error as &dyn std::error::Error, left_out, "the store does not answer");
        }
        return Some(if state.store.check_file().await.is_err() { "database-file" } else { "database" });
    }
    if state.store.is_write_failing() {
        return Some("database-write");
    }
    if is_without_database {
        return Some("database");
    }
    (!state.engine.has_lease()).then_some("lease")
}
