//! The bodies of failed responses: `application/problem+json` (RFC 9457) for programs, an HTML page for browsers.

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

/// A problem as defined by RFC 9457.
#[derive(Debug, Serialize, ToSchema, ToResponse)]
#[response(description = "A problem: what happened and what to do next", content_type = "application/problem+json")]
pub struct Problem {
    /// Identifies the type of problem.
    #[serde(rename = "type")]
    kind: String,
    /// A short name of the type of problem.
    title: String,
    /// The status of the response.
    status: u16,
    /// What happened and what to do next, in the language of the request.
    detail: String,
    /// The id of the request in the server's log.
    request_id: String,
    /// The fields with invalid values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldProblem>,
    /// The turn that is still running, if that is the problem.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_id: Option<uuid::Uuid>,
}

/// A field with an invalid value.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The path of the field, such as `messages.0.role`.
    field: String,
    /// Why the value is invalid, in the language of the request.
    message: String,
    /// The message of the parser, in English.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Adds to an operation of the OpenAPI document the problems that follow from its method, path and body, so that a handler
/// names only the others.
pub(super) fn add_common_problems(method: &str, path: &str, operation: &mut Operation) {
    // A malformed query or host, an unknown method, an unknown host, a bug, an overloaded server.
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

/// Writes the body of failed responses.
pub async fn write_problems(request: Request, next: Next) -> Response {
    let locale = locale::locale_of(request.uri().query(), request.headers());
    let path = request.uri().path().to_owned();
    let wants_page = wants_page(&path, request.headers());
    let request_id = request_id::from_headers(request.headers()).to_owned();
    let response = next.run(request).await;

    let Some(error) = find_error(&response) else { return response };
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

/// The error of a failed response: the one that a handler returned, or the one that fits the status of a library's response.
fn find_error(response: &Response) -> Option<ApiError> {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return None;
    }
    if let Some(error) = response.extensions().get::<ApiError>() {
        return Some(error.clone());
    }
    // A body other than plain text is intended: `/ready` answers 503 with JSON.
    let content_type = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if content_type.is_some_and(|content_type| !content_type.starts_with(b"text/plain")) {
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
        // A single field is explained in the detail itself; several are listed in `errors`.
        ApiError::Invalid(errors) if errors.len() == 1 => rule_text(errors[0].rule, locale),
        _ => t!(format!("problem.{name}.detail"), locale = tag).into_owned(),
    };
    let errors = match error {
        ApiError::Invalid(errors) => errors
            .iter()
            .map(|error| FieldProblem {
                field: error.field.to_owned(),
                message: rule_text(error.rule, locale),
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

fn rule_text(rule: &str, locale: Locale) -> String {
    t!(format!("problem.field.{rule}"), locale = locale.tag()).into_owned()
}

/// Whether a browser opens a page. Calls of the API get JSON, whatever they accept.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let accepts_html =
        headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"));
    accepts_html && !path.starts_with("/api/")
}
