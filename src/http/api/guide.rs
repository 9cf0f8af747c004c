//! The greeting and the tutor's introduction to a topic.

use crate::http::locale::RequestLocale;
use std::time::Duration;

use axum::{extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Json;
use crate::http::{AppState, address::ClientAddress, error::ApiError, learner::LearnerIfKnown, problem::Problem};
use coach::guide;
use domain::{Topic, guide::Guide};

/// Longest time a client may ask to wait for a guide.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Which topic.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TopicRequest {
    /// A preset's name or a topic of the student's own, at most 100 characters, without those at its edges that show
    /// nothing.
    #[schema(example = "과학 탐구", min_length = 1)]
    pub(super) topic: String,
}

/// The first words of the chat AI.
#[derive(Debug, Serialize, ToSchema)]
pub struct InitialMessage {
    /// The greeting.
    message: String,
}

/// The tutor's introduction to a topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct InitialGuide {
    #[serde(flatten)]
    guide: Guide,
    /// `guide_content` as safe HTML.
    guide_html: String,
    /// Whether the model is making a guide of its own, which a later call gets. `Prefer: wait=20` waits for it. An own
    /// topic's guide is kept for its learner alone, so without a learner's cookie no later call gets it.
    pending: bool,
}

/// Greets a student on a topic, at once
#[utoipa::path(post, path = "/api/v1/chat/initial-message", tag = "chat",
    responses((status = 200, body = InitialMessage)))]
pub async fn initial_message(
    RequestLocale(locale): RequestLocale,
    Json(request): Json<TopicRequest>,
) -> Result<Json<InitialMessage>, ApiError> {
    let topic = Topic::parse(&request.topic)?;
    Ok(Json(InitialMessage { message: guide::greeting(&topic, locale) }))
}

/// Introduces a topic: the model's guide where there is one, else the preset text
#[utoipa::path(post, path = "/api/v1/chat/initial-guide", tag = "chat",
    params(("Prefer" = Option<String>, Header, description = "`wait=20` waits up to 20 seconds for the model's guide (RFC 7240)")),
    responses((status = 200, body = InitialGuide),
        (status = 429, response = Problem)))]
pub async fn initial_guide(
    State(state): State<AppState>,
    LearnerIfKnown(learner): LearnerIfKnown,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(request): Json<TopicRequest>,
) -> Result<Json<InitialGuide>, ApiError> {
    let topic = Topic::parse(&request.topic)?;
    let found = match state.guides.known(&topic, locale, learner).await {
        Some(found) => found,
        None => {
            // The few presets are made once each, and a guide that is being made costs no second call.
            if topic.preset().is_none() && !state.guides.is_making(&topic, locale, learner) {
                state.limits.check(learner, address).await?;
            }
            state.guides.make(&topic, locale, learner, wait(&headers)).await
        }
    };
    let guide_html = markdown::render_without_links(&found.guide.guide_content).concat();
    Ok(Json(InitialGuide { guide: found.guide, guide_html, pending: found.pending }))
}

/// The `wait` preference of RFC 7240, section 4.3; nothing when there is none.
fn wait(headers: &HeaderMap) -> Duration {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.trim_matches('"').parse().ok())
        .map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds).min(WAIT_MAX))
}
