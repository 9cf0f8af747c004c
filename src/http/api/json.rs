//! JSON bodies.

use std::time::Duration;

use axum::{
    body::{Body, Bytes},
    extract::{FromRequest, Request},
    response::IntoResponse,
};

use super::surrogates::replace_lone_surrogates;
use crate::http::error::ApiError;

/// The time limit for receiving a body of at most 64 KiB, enough for any mobile network.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// Like axum's `Json`, but rejections are [`ApiError`]s, a body that arrives too slowly is refused, and lone surrogates are
/// replaced.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T> FromRequest<S> for Json<T>
where
    axum::Json<T>: FromRequest<S, Rejection = axum::extract::rejection::JsonRejection>,
{
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        let whole = Bytes::from_request(Request::from_parts(parts.clone(), body), state);
        let body = match tokio::time::timeout(BODY_TIMEOUT, whole).await {
            Ok(body) => replace_lone_surrogates(body?),
            Err(_) => return Err(ApiError::TimedOut),
        };
        let request = Request::from_parts(parts, Body::from(body));
        Ok(Self(axum::Json::from_request(request, state).await?.0))
    }
}

impl<T: serde::Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> axum::response::Response {
        axum::Json(self.0).into_response()
    }
}
