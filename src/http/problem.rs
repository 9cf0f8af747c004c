//! Turns every failed response into words: `application/problem+json` (RFC 9457) for programs, a page for people.

use axum::{
    Json,
    extract::Request,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, VARY},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use rust_i18n::t;
use serde::Serialize;
use utoipa::{
    ToResponse, ToSchema,
    openapi::{Ref, path::Operation},
};

use super::{error::ApiError, locale, pages, request_id};
use domain::Locale;

/// A problem, as RFC 9457 shapes it.
#[derive(Debug, Serialize, ToSchema, ToResponse)]
#[response(description = "A problem: what happened and what to do next", content_type = "application/problem+json")]
pub struct Problem {
    /// Names the kind of problem; the same for every occurrence of it.
    #[serde(rename = "type")]
    kind: String,
    /// What the kind of problem is, in a few words.
    title: String,
    /// The response's status.
    status: u16,
    /// What happened and what to do next, in the reader's language.
    detail: String,
    /// Names this request in the server's log.
    request_id: String,
    /// Each field that isn't what it must be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// The turn that is still running, where that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<uuid::Uuid>,
}

/// One field that isn't what it must be.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The field.
    field: String,
    /// What is wrong with it, in the reader's language.
    message: String,
    /// What the parser said, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Adds to an operation of the OpenAPI document the problems that follow from its method, path and body, so that a handler
/// names only the others.
pub(super) fn add_common_problems(method: &str, path: &str, operation: &mut Operation) {
    // A bad query or host, an unknown method, the host of another site, a bug, an overloaded server.
    let mut statuses = vec!["400", "405", "421", "500", "503"];
    if path.contains("{id}") {
        statuses.push("404");
    }
    if operation.request_body.is_some() {
        statuses.extend(["413", "415", "422"]);
    }
    let is_stateless = operation.tags.iter().flatten().any(|tag| tag == "chat");
    if method != "get" && !is_stateless {
        statuses.push("403");
    }
    for status in statuses {
        let problem = || Ref::from_response_name("Problem").into();
        operation.responses.responses.entry(status.to_owned()).or_insert_with(problem);
    }
}

/// Gives failed responses their body.
pub async fn tell(request: Request, next: Next) -> Response {
    let locale = locale::locale_of(request.uri().query(), request.headers());
    let path = request.uri().path().to_owned();
    let wants_page = wants_page(&path, request.headers());
    let request_id = request_id::of(request.headers()).to_owned();
    let response = next.run(request).await;

    let Some(error) = failure(&response) else { return response };
    let (mut parts, _) = response.into_parts();
    let body = if wants_page {
        pages::error_page(&error, parts.status, locale, &request_id)
    } else {
        let mut body = Json(problem(&error, parts.status, locale, request_id)).into_response();
        body.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        body
    };
    parts.headers.remove(CONTENT_LENGTH);
    let (body_parts, body) = body.into_parts();
    parts.headers.extend(body_parts.headers);
    parts.headers.append(VARY, HeaderValue::from_static("accept, accept-language"));
    Response::from_parts(parts, body)
}

/// The error behind a failed response: the one our handlers gave, or the one its status means.
fn failure(response: &Response) -> Option<ApiError> {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    if let Some(error) = response.extensions().get::<ApiError>() {
        return Some(error.clone());
    }
    // A body that is there already and isn't plain text was meant: `/ready` answers 503 with JSON.
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| !kind.starts_with(b"text/plain")) {
        return None;
    }
    Some(match status {
        StatusCode::NOT_FOUND => ApiError::NotFound,
        StatusCode::METHOD_NOT_ALLOWED => ApiError::MethodNotAllowed,
        StatusCode::FORBIDDEN => ApiError::CrossSite,
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::NotJson,
        StatusCode::REQUEST_TIMEOUT | StatusCode::SERVICE_UNAVAILABLE => ApiError::TimedOut,
        status if status.is_client_error() => ApiError::Unreadable(String::new()),
        _ => ApiError::Internal,
    })
}

fn problem(error: &ApiError, status: StatusCode, locale: Locale, request_id: String) -> Problem {
    let tag = locale.tag();
    let name = error.name();
    let detail = match error {
        ApiError::Model(reason) => locale::reason_text(reason.as_str(), locale),
        ApiError::TooMany(wait) => {
            t!("problem.too-many.detail", locale = tag, seconds = wait.as_secs().max(1)).into_owned()
        }
        // One wrong field is told at once; several are listed.
        ApiError::Invalid(errors) if errors.len() == 1 => rule(errors[0].rule, locale),
        _ => t!(format!("problem.{name}.detail"), locale = tag).into_owned(),
    };
    let errors = match error {
        ApiError::Invalid(errors) => errors
            .iter()
            .map(|error| FieldProblem {
                field: error.field.to_owned(),
                message: rule(error.rule, locale),
                detail: error.detail.clone(),
            })
            .collect(),
        _ => Vec::new(),
    };
    let turn_id = match error {
        ApiError::Busy(turn) => Some(turn.0),
        _ => None,
    };
    Problem {
        kind: format!("/problems/{name}"),
        title: t!(format!("problem.{name}.title"), locale = tag).into_owned(),
        status: status.as_u16(),
        detail,
        request_id,
        errors,
        turn_id,
    }
}

fn rule(rule: &str, locale: Locale) -> String {
    t!(format!("problem.field.{rule}"), locale = locale.tag()).into_owned()
}

/// Pages are for browsers that open a page; a script's call to the API gets JSON whatever it accepts.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html =
        headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    accepts_html && !path.starts_with("/api/")
}
