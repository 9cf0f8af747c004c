//! The OpenAPI document, made from the handlers' types, and the interactive docs.

use axum::Router;
use utoipa::OpenApi;
use utoipa_swagger_ui::SwaggerUi;

use super::{chat, conversations, events, export, guide, probe, status, turns};
use crate::http::{AppState, layers};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "LLM Classroom",
        description = "학생들이 LLM 사용법과 활용을 배울 수 있는 온라인 에듀테크 도구",
        license(name = "MIT", identifier = "MIT")
    ),
    paths(
        chat::chat,
        chat::stream,
        guide::initial_message,
        guide::initial_guide,
        conversations::create,
        conversations::list,
        conversations::show,
        conversations::delete,
        export::export,
        turns::ask,
        turns::cancel,
        turns::retry,
        events::follow,
        status::greeting,
        status::health,
        status::ready,
        probe::stream,
    ),
    components(schemas(export::Format)),
    tags(
        (name = "chat", description = "Calls that carry their conversation along; any origin, no cookie"),
        (name = "conversations", description = "A learner's conversations"),
        (name = "turns", description = "Questions with their answers and notes"),
        (name = "status", description = "How the program is"),
    )
)]
struct Api;

/// The OpenAPI document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    Api::openapi()
}

/// `/openapi.json`, and `/docs` with everything it shows embedded.
pub fn routes() -> Router<AppState> {
    let docs: Router<AppState> = SwaggerUi::new("/docs").url("/openapi.json", document()).into();
    docs.layer(layers::docs_csp()).layer(layers::docs_cache())
}
