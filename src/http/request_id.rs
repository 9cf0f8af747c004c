//! The id of a request. The program creates it and writes it to the response, the log and error texts.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName},
    middleware::Next,
    response::Response,
};

/// The header of the request id, in requests and responses.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request id in these headers.
pub fn from_headers(headers: &HeaderMap) -> &str {
    headers.get(&REQUEST_ID).and_then(|id| id.to_str().ok()).unwrap_or_default()
}

/// Removes an id that the client chose, so that clients cannot forge ids in the log.
pub async fn remove_client_id(mut request: Request, next: Next) -> Response {
    request.headers_mut().remove(&REQUEST_ID);
    next.run(request).await
}
