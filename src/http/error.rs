//! The errors of a request. `problem` writes the response body of each.

use std::time::Duration;

use axum::{
    extract::rejection::{BytesRejection, JsonRejection, PathRejection, QueryRejection},
    http::{
        HeaderValue, StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};

use super::rate_limit::RateLimited;
use crate::engine::{
    stateless::SequenceError,
    turn::{AskError, failure_reason},
};
use domain::{
    TurnId,
    message::MessageError,
    topic::TopicError,
    turn::{Reason, TurnState},
};
use logging::RepeatedLine;
use store::StoreError;

/// Why a request was refused or failed.
///
/// Handlers return it. Its response has a status, headers and the error itself as an extension. The `problem` layer, which
/// knows the language and the request id, adds the body.
#[derive(Debug, Clone)]
pub enum ApiError {
    /// The resource does not exist or belongs to another learner.
    NotFound,
    /// The path has no handler for the method.
    MethodNotAllowed,
    /// The body is no JSON, or the query is malformed. Contains the message of the parser.
    Unreadable(String),
    /// The `Content-Type` is not JSON.
    NotJson,
    /// Fields have invalid values.
    Invalid(Vec<FieldError>),
    /// The body is larger than 64 KiB.
    BodyTooLarge,
    /// The conversation already has a running turn.
    Busy(TurnId),
    /// The idempotency key was used for a different request.
    KeyReused,
    /// A turn in this state cannot be retried.
    NotRetriable(TurnState),
    /// A rate limit is reached. Contains the time to wait.
    TooMany(Duration),
    /// The daily token budget is spent. Contains the time until it is renewed.
    BudgetSpent(Duration),
    /// A stateless call has neither a valid token nor a learner's page.
    Unauthorized,
    /// Stateless calls are switched off.
    StatelessOff,
    /// A page of another site sent the request.
    CrossSite,
    /// The `Host` header is missing, repeated or malformed.
    BadHost,
    /// The host name is unknown.
    UnknownHost,
    /// The model failed. Students are shown the reason.
    Model(Reason),
    /// The limit of running turns or of open event streams is reached.
    Full,
    /// The limit of open connections is reached.
    Overloaded,
    /// The store is unavailable.
    StoreUnavailable,
    /// The server is shutting down.
    Draining,
    /// The request exceeded its time limit.
    TimedOut,
    /// A bug or a failure of the machine. The log contains the cause.
    Internal,
}

/// A field with an invalid value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The field's path, such as `messages.0.role`.
    pub field: &'static str,
    /// The violated rule: a key in `locales/` under `problem.field`.
    pub rule: &'static str,
    /// The message of the parser, for programmers.
    pub detail: Option<String>,
}

impl ApiError {
    /// Logs an unexpected error. The client gets no details.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "a request failed");
        Self::Internal
    }

    /// Creates an error with one invalid field.
    #[must_use]
    pub fn invalid(field: &'static str, rule: &'static str) -> Self {
        Self::Invalid(vec![FieldError { field, rule, detail: None }])
    }

    /// The status of the response.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(_) | Self::BadHost => StatusCode::BAD_REQUEST,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy(_) | Self::NotRetriable(_) => StatusCode::CONFLICT,
            Self::TooMany(_) | Self::BudgetSpent(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::CrossSite | Self::StatelessOff => StatusCode::FORBIDDEN,
            Self::UnknownHost => StatusCode::MISDIRECTED_REQUEST,
            Self::Model(Reason::Timeout) => StatusCode::GATEWAY_TIMEOUT,
            Self::Model(_) => StatusCode::BAD_GATEWAY,
            Self::Full | Self::Overloaded | Self::StoreUnavailable | Self::Draining | Self::TimedOut => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The last part of the problem's `type`, which is also its key in `locales/` under `problem`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Unreadable(_) => "unreadable",
            Self::NotJson => "not-json",
            Self::Invalid(_) => "invalid",
            Self::BodyTooLarge => "body-too-large",
            Self::Busy(_) => "busy",
            Self::KeyReused => "key-reused",
            Self::NotRetriable(_) => "not-retriable",
            Self::TooMany(_) => "too-many",
            Self::BudgetSpent(_) => "budget-spent",
            Self::Unauthorized => "unauthorized",
            Self::StatelessOff => "stateless-off",
            Self::CrossSite => "cross-site",
            Self::BadHost => "bad-host",
            Self::UnknownHost => "unknown-host",
            Self::Model(_) => "model",
            Self::Full => "full",
            Self::Overloaded => "overloaded",
            Self::StoreUnavailable => "store-unavailable",
            Self::Draining => "draining",
            Self::TimedOut => "timed-out",
            Self::Internal => "internal",
        }
    }

    /// The time to wait before the request is repeated, if known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany(wait) | Self::BudgetSpent(wait) => Some(*wait),
            Self::Full | Self::Overloaded | Self::StoreUnavailable | Self::Draining | Self::TimedOut => {
                Some(Duration::from_secs(5))
            }
            Self::Model(Reason::RateLimited | Reason::Unreachable | Reason::Unavailable) => {
                Some(Duration::from_secs(10))
            }
            _ => None,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if let Some(wait) = self.retry_after() {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if matches!(self, Self::Unauthorized) {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let cause = &error as &dyn std::error::Error;
        match error {
            StoreError::Unavailable(_) | StoreError::Busy(_) => {
                static LINE: RepeatedLine = RepeatedLine::new();
                if let Some(left_out) = LINE.due() {
                    tracing::error!(error = cause, left_out, "the store failed a request");
                }
                Self::StoreUnavailable
            }
            _ => {
                tracing::error!(error = cause, "the store failed a request");
                Self::Internal
            }
        }
    }
}

impl From<RateLimited> for ApiError {
    fn from(RateLimited { wait }: RateLimited) -> Self {
        Self::TooMany(wait)
    }
}

impl From<AskError> for ApiError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::NotFound => Self::NotFound,
            AskError::Busy(turn) => Self::Busy(turn),
            AskError::KeyReused => Self::KeyReused,
            AskError::NotRetriable(state) => Self::NotRetriable(state),
            AskError::BudgetSpent { retry_in } => Self::BudgetSpent(retry_in),
            AskError::Full => Self::Full,
            AskError::Draining => Self::Draining,
            AskError::NoLease => Self::StoreUnavailable,
            AskError::Store(error) => error.into(),
            AskError::Lost => Self::internal(&error),
        }
    }
}

impl From<llm::Error> for ApiError {
    fn from(error: llm::Error) -> Self {
        tracing::warn!(llm.error = %error, "the model failed a request");
        Self::Model(failure_reason(&error, false))
    }
}

impl From<TopicError> for ApiError {
    fn from(error: TopicError) -> Self {
        Self::invalid(
            "topic",
            match error {
                TopicError::Empty => "topic-empty",
                TopicError::TooLong(_) => "topic-too-long",
            },
        )
    }
}

impl From<MessageError> for ApiError {
    fn from(error: MessageError) -> Self {
        Self::invalid(
            "message",
            match error {
                MessageError::Empty => "message-empty",
                MessageError::TooLong(_) => "message-too-long",
            },
        )
    }
}

impl From<SequenceError> for ApiError {
    fn from(error: SequenceError) -> Self {
        match error {
            SequenceError::NoQuestion => Self::invalid("messages", "no-question"),
            SequenceError::TooMany => Self::invalid("messages", "too-many-messages"),
            SequenceError::Message(error) => error.into(),
        }
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::MissingJsonContentType(_) => Self::NotJson,
            // Well-formed JSON with other fields or types than expected.
            JsonRejection::JsonDataError(error) => {
                let detail =
                    Some(std::error::Error::source(&error).map_or_else(|| error.body_text(), ToString::to_string));
                Self::Invalid(vec![FieldError { field: "body", rule: "shape", detail }])
            }
            rejection if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            rejection => Self::Unreadable(rejection.body_text()),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            _ => Self::Unreadable(rejection.body_text()),
        }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Unreadable(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(_: PathRejection) -> Self {
        // Text that is no id identifies nothing.
        Self::NotFound
    }
}
