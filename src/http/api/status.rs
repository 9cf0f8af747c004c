//! Liveness and readiness.

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
    http::{AppState, address::is_from_operator},
};
use llm::BreakerState;
use logging::RepeatedLine;
use store::{FileFault, StoreError};

/// The name of the API.
#[derive(Debug, Serialize, ToSchema)]
pub struct Greeting {
    /// Always `LLM Classroom API`.
    #[schema(value_type = String)]
    message: &'static str,
}

/// Liveness of the program.
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

/// Readiness of the program. Only clients in the operator's networks get the state of each part.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `unavailable` or `draining`.
    #[schema(value_type = String)]
    status: &'static str,
    /// `ok` or `unavailable`.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    store: Option<&'static str>,
    /// The failing part: `database-file` (SQLite's file was deleted or replaced), `database-log` (its `-wal` was),
    /// `database-write` (the disk is full or read-only), `database` (it does not answer) or `lease` (another instance serves
    /// this database alone, or this one has no lease yet). Absent if nothing fails.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    failing: Option<&'static str>,
    /// `in-process`, `redis`, or `redis-away`: this instance then serves its own students without Redis.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    bus: Option<&'static str>,
    /// `many` if any number of instances may serve together, `one` without REDIS_URL.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    instances: Option<&'static str>,
    /// `ok`, `resting` while the circuit breaker is open, `trying` while it is half-open, or `practice` without a model.
    #[schema(value_type = Option<String>, nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<&'static str>,
    /// The number of turns that this instance runs.
    #[schema(nullable = false)]
    #[serde(skip_serializing_if = "Option::is_none")]
    turns_running: Option<usize>,
}

/// Returns the name of the API
#[utoipa::path(get, path = "/api", tag = "status", responses((status = 200, body = Greeting)))]
pub async fn greeting() -> Json<Greeting> {
    Json(Greeting { message: "LLM Classroom API" })
}

/// Returns 200 while the program runs
#[utoipa::path(get, path = "/health", tag = "status", responses((status = 200, body = Health)))]
pub async fn health(State(state): State<AppState>) -> Json<Health> {
    let uptime_seconds = state.started.elapsed().as_secs();
    Json(Health { status: "healthy", version: env!("CARGO_PKG_VERSION"), uptime_seconds })
}

/// Returns 200 while the program is ready for students
///
/// A failing model server does not make it unready: students still get feedback and an explanation. Only this machine,
/// private networks and trusted proxies get the state of each part.
#[utoipa::path(get, path = "/ready", tag = "status",
    responses((status = 200, body = Readiness), (status = 503, description = "Not ready", body = Readiness)))]
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
    let status = match (state.lifecycle.is_draining(), failing) {
        (true, _) => "draining",
        (false, None) => "ready",
        (false, Some(_)) => "unavailable",
    };
    let (bus, instances) = match &state.redis {
        None => ("in-process", "one"),
        Some(redis) if redis.is_up() => ("redis", "many"),
        Some(_) => ("redis-away", "many"),
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let is_operator = is_from_operator(&request, &state.config.trusted_proxies);
    let readiness = Readiness {
        status,
        store: is_operator.then_some(store),
        failing: failing.filter(|_| is_operator),
        bus: is_operator.then_some(bus),
        instances: is_operator.then_some(instances),
        provider: is_operator.then_some(provider),
        turns_running: is_operator.then(|| state.turns.running()),
    };
    (code, Json(readiness))
}

/// The first failing part, as named in [`Readiness`].
async fn failing_part(state: &AppState) -> Option<&'static str> {
    let is_without_database = state.lease.is_failing();
    // After a recent failure only the file is checked, because a ping could wait for a connection.
    let answered = if is_without_database {
        state.store.check_file().await.map_err(StoreError::from)
    } else {
        state.store.ping().await
    };
    if let Err(error) = answered {
        static LINE: RepeatedLine = RepeatedLine::new();
        if let Some(left_out) = LINE.due() {
            tracing::error!(error = &error as &dyn std::error::Error, left_out, "the store does not answer");
        }
        return Some(match state.store.check_file().await {
            Err(FileFault::Database(_)) => "database-file",
            Err(FileFault::Log(_)) => "database-log",
            Ok(()) => "database",
        });
    }
    if state.store.is_write_failing() {
        return Some("database-write");
    }
    if is_without_database {
        return Some("database");
    }
    (!state.lease.is_valid()).then_some("lease")
}
