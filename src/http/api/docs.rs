//! The OpenAPI document, made from the handlers' types, and the interactive docs.

use axum::Router;
use utoipa::{
    Modify, OpenApi,
    openapi::{Ref, RefOr},
};
use utoipa_swagger_ui::SwaggerUi;

use super::{chat, conversations, event_schema, events, export, guide, probe, status, turns};
use crate::http::{
    AppState, layers,
    problem::{FieldProblem, Problem},
};

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
    components(
        schemas(
            export::Format,
            FieldProblem,
            event_schema::SnapshotData,
            event_schema::BlockData,
            event_schema::DeltaData,
            event_schema::ThinkingData,
            event_schema::StateData,
        ),
        responses(Problem),
    ),
    modifiers(&SharedProblems),
    tags(
        (name = "chat", description = "Calls that carry their conversation along; any origin, no cookie"),
        (name = "conversations", description = "A learner's conversations"),
        (name = "turns", description = "Questions with their answers and notes"),
        (name = "status", description = "How the program is"),
    )
)]
struct Api;

/// Adds to each call the problems that any call of its kind can have, so that no handler has to name them.
struct SharedProblems;

impl Modify for SharedProblems {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for item in document.paths.paths.values_mut() {
            let operations = [(false, item.get.as_mut()), (true, item.post.as_mut()), (true, item.delete.as_mut())];
            for (changes, operation) in operations.into_iter().filter_map(|(changes, found)| Some((changes, found?))) {
                // A bad query or host, another method, another site's host, a bug, no room.
                let mut statuses = vec!["400", "405", "421", "500", "503"];
                if operation.request_body.is_some() {
                    statuses.extend(["413", "415", "422"]);
                }
                let is_stateless = operation.tags.iter().flatten().any(|tag| tag == "chat");
                if changes && !is_stateless {
                    statuses.push("403");
                }
                for response in operation.responses.responses.values_mut() {
                    if let RefOr::T(response) = response
                        && response.description.is_empty()
                    {
                        "As asked for".clone_into(&mut response.description);
                    }
                }
                for status in statuses {
                    let problem = || Ref::from_response_name("Problem").into();
                    operation.responses.responses.entry(status.to_owned()).or_insert_with(problem);
                }
            }
        }
    }
}

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
