//! Parts of a request whose rejections are [`ApiError`]s.

use axum::extract::FromRequestParts;

use crate::http::error::ApiError;

/// The id in a path. Text that is no id is answered with 404, as an unknown id is.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub struct PathId<T>(pub T);

/// The query of a request.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub struct Query<T>(pub T);
