//! The OpenAPI document beyond its operations, which `router` collects from the handlers.

use utoipa::{
    OpenApi,
    openapi::{
        OpenApi as Document, RefOr,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::{event_schema, export};
use crate::http::problem::{self, FieldProblem, Problem};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "LLM Classroom",
        description = "학생들이 LLM 사용법과 활용을 배울 수 있는 온라인 에듀테크 도구",
        license(name = "MIT", identifier = "MIT")
    ),
    components(
        schemas(
            export::ExportFormat,
            FieldProblem,
            event_schema::SnapshotData,
            event_schema::BlockData,
            event_schema::DeltaData,
            event_schema::ThinkingData,
            event_schema::StateData,
        ),
        responses(Problem),
    ),
    tags(
        (name = "chat", description = "Stateless calls, which contain their conversation; any origin. STATELESS_API says \
            whether they need a token"),
        (name = "conversations", description = "Conversations of a learner"),
        (name = "turns", description = "Questions with their answers and feedback"),
        (name = "status", description = "State of the program"),
    )
)]
struct Base;

/// Adds the title, the shared schemas and the problems to a document of operations.
#[must_use]
pub fn complete(operations: Document) -> Document {
    let mut document = Base::openapi().merge_from(operations);
    document.components.get_or_insert_default().add_security_scheme("token", token());
    let items = document.paths.paths.iter_mut();
    let operations = items.flat_map(|(path, item)| {
        let found = [("get", &mut item.get), ("post", &mut item.post), ("delete", &mut item.delete)];
        found.into_iter().filter_map(move |(method, operation)| Some((method, path, operation.as_mut()?)))
    });
    for (method, path, operation) in operations {
        for response in operation.responses.responses.values_mut() {
            // OpenAPI requires a description.
            if let RefOr::T(response) = response
                && response.description.is_empty()
            {
                "Success".clone_into(&mut response.description);
            }
        }
        problem::add_common_problems(method, path, operation);
    }
    document
}

/// The token of a program.
fn token() -> SecurityScheme {
    let mut scheme = Http::new(HttpAuthScheme::Bearer);
    scheme.description = Some(
        "A token of `llm-classroom token create`. Needed where STATELESS_API=token, which is the default with \
         APP_ENV=production, unless a page of this server calls with a learner's cookie"
            .to_owned(),
    );
    SecurityScheme::Http(scheme)
}
