//! Greeting and guide for a topic, without a conversation.

use std::time::Duration;

use axum::{extract::State, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Json;
use crate::{
    engine::{budgets::Payer, covering::cover_topic, guides},
    http::{
        AppState,
        address::ClientAddress,
        error::ApiError,
        locale::RequestLocale,
        problem::Problem,
        rate_limit,
        stateless_access::{GuideAccess, GuideCaller},
    },
};
use coach::guide;
use domain::{Topic, guide::Guide};

/// The longest time that a request waits for a guide.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A topic.
#[derive(Debug, Deserialize, ToSchema)]
pub struct TopicRequest {
    /// The name of a preset or the student's own topic, at most 100 characters without invisible ones at the ends.
    #[schema(example = "과학 탐구", min_length = 1)]
    pub(super) topic: String,
}

/// The greeting of the chat AI.
#[derive(Debug, Serialize, ToSchema)]
pub struct InitialMessage {
    /// The greeting.
    message: String,
}

/// The tutor's guide to a topic.
#[derive(Debug, Serialize, ToSchema)]
pub struct InitialGuide {
    #[serde(flatten)]
    guide: Guide,
    /// `guide_content` as sanitised HTML.
    guide_html: String,
    /// Whether the model is writing a guide, which a later request gets. `Prefer: wait=20` waits for it. The guide to a
    /// student's own topic is stored for this learner only, so requests without a learner's cookie never get it later.
    pending: bool,
}

/// Returns the greeting for a topic, without calling a model
#[utoipa::path(post, path = "/api/v1/chat/initial-message", tag = "chat",
    responses((status = 200, body = InitialMessage)))]
pub async fn initial_message(
    RequestLocale(locale): RequestLocale,
    Json(request): Json<TopicRequest>,
) -> Result<Json<InitialMessage>, ApiError> {
    let topic = cover_topic(Topic::parse(&request.topic)?);
    Ok(Json(InitialMessage { message: guide::greeting(&topic, locale) }))
}

/// Returns the guide to a topic: the model's if there is one, else the built-in one
#[utoipa::path(post, path = "/api/v1/chat/initial-guide", tag = "chat",
    params(("Prefer" = Option<String>, Header, description = "`wait=20` waits up to 20 seconds for the model's guide (RFC 7240)")),
    security((), ("token" = [])),
    responses((status = 200, body = InitialGuide), (status = 401, response = Problem),
        (status = 403, response = Problem), (status = 429, response = Problem)))]
pub async fn initial_guide(
    State(state): State<AppState>,
    GuideCaller { learner, access }: GuideCaller,
    RequestLocale(locale): RequestLocale,
    ClientAddress(address): ClientAddress,
    headers: HeaderMap,
    Json(request): Json<TopicRequest>,
) -> Result<Json<InitialGuide>, ApiError> {
    let topic = cover_topic(Topic::parse(&request.topic)?);
    let guide = match state.guides.known(&topic, locale, learner).await {
        Some(guide) => guide,
        None => {
            // Guides to presets are few and stored, so everybody gets them.
            let is_own = topic.preset().is_none();
            match access {
                GuideAccess::Unauthorized if is_own => return Err(ApiError::Unauthorized),
                GuideAccess::Off if is_own => return Err(ApiError::StatelessOff),
                GuideAccess::BuiltIn if is_own => guides::built_in(&topic, locale),
                _ => {
                    // A guide that is being written causes no second call.
                    if is_own && !state.guides.is_making(&topic, locale, learner) {
                        state.limits.check(learner, address).await?;
                    }
                    let payer = match learner {
                        None if is_own => Payer::Stateless(rate_limit::network_of(address)),
                        _ => Payer::Students,
                    };
                    state.guides.make(&topic, locale, learner, payer, preferred_wait(&headers)).await
                }
            }
        }
    };
    let guide_html = markdown::render_without_links(&guide.guide.guide_content).concat();
    Ok(Json(InitialGuide { guide: guide.guide, guide_html, pending: guide.pending }))
}

/// The time in the `wait` preference (RFC 7240, section 4.3), else zero.
fn preferred_wait(headers: &HeaderMap) -> Duration {
    headers
        .get_all("prefer")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| preference.trim().strip_prefix("wait=")?.trim_matches('"').parse().ok())
        .map_or(Duration::ZERO, |seconds| Duration::from_secs(seconds).min(WAIT_MAX))
}
