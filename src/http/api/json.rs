//! JSON bodies whose refusals are our own errors.

use std::time::Duration;

use axum::{
    extract::{FromRequest, Request},
    response::IntoResponse,
};

use crate::http::error::ApiError;

/// How long a body of at most 64 KiB may take to come in: slower than any phone is, and it holds a connection open.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// As axum's `Json`, but what it refuses becomes an [`ApiError`], and a body that only drips in is refused.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T> FromRequest<S> for Json<T>
where
    axum::Json<T>: FromRequest<S, Rejection = axum::extract::rejection::JsonRejection>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match tokio::time::timeout(BODY_TIMEOUT, axum::Json::from_request(request, state)).await {
            Ok(body) => Ok(Self(body?.0)),
            Err(_) => Err(ApiError::TimedOut),
        }
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}
