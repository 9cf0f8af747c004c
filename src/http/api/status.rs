//! Whether the program lives, and whether it is ready for students.

use axum::{extract::State, http::StatusCode, response::IntoResponse};
use serde::Serialize;
use utoipa::ToSchema;

use super::Json;
use crate::{domain::partner::Partner, http::AppState, llm::BreakerState};

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

/// Whether each part is ready.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// `ready`, `unavailable` or `draining`.
    #[schema(value_type = String)]
    status: &'static str,
    /// `ok` or `unavailable`.
    #[schema(value_type = String)]
    store: &'static str,
    /// `in-process`, `redis`, or `redis-away`: then this instance goes on with its own students.
    #[schema(value_type = String)]
    bus: &'static str,
    /// `many` when any number of instances may serve together, `one` when REDIS_URL isn't set: then only this one.
    #[schema(value_type = String)]
    instances: &'static str,
    /// `ok`, `resting` after failures, `trying` after a rest, or `practice` when no model is connected.
    #[schema(value_type = String)]
    provider: &'static str,
    /// Turns that run here now.
    turns_running: usize,
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
/// A model server that fails doesn't make it unready: students still get their notes, and are told.
#[utoipa::path(get, path = "/ready", tag = "status",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn ready(State(state): State<AppState>) -> impl IntoResponse {
    let store = if state.engine.is_without_database() {
        "unavailable"
    } else {
        match state.store.ping().await {
            Ok(()) => "ok",
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the store does not answer");
                "unavailable"
            }
        }
    };
    let provider = match &state.partner {
        Partner::Practice => "practice",
        Partner::Model(client, _) => match client.breaker_state() {
            BreakerState::Closed => "ok",
            BreakerState::Open { .. } => "resting",
            BreakerState::HalfOpen => "trying",
        },
    };
    let status = match (state.engine.is_draining(), store) {
        (true, _) => "draining",
        (false, "ok") if state.engine.has_lease() => "ready",
        (false, _) => "unavailable",
    };
    let (bus, instances) = match &state.shared {
        None => ("in-process", "one"),
        Some(shared) if shared.is_up() => ("redis", "many"),
        Some(_) => ("redis-away", "many"),
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let turns_running = state.engine.turns_running();
    (code, Json(Readiness { status, store, bus, instances, provider, turns_running }))
}
