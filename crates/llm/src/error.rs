//! Errors of a model call.
//!
//! Their texts contain nothing from the server, whose text is only logged.

use super::breaker::OpenCause;
use std::time::Duration;

/// Why a model call failed, after all retries and fallback models.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No connection: refused, unknown host, TLS not agreed.
    #[error("the model server cannot be reached")]
    Connect,
    /// A time limit was exceeded.
    #[error("the model server took too long ({0})")]
    Timeout(TimeoutPhase),
    /// Too many requests (429). The server may state when to retry.
    #[error("the model server limits the rate of requests")]
    RateLimited {
        /// The pause that the server asked for.
        retry_after: Option<Duration>,
    },
    /// The account's credit is spent (429 `insufficient_quota`, 402). Waiting doesn't help.
    #[error("the account's quota at the model server is spent")]
    Quota,
    /// The key is wrong or may not do this (401, 403).
    #[error("the model server refuses the key")]
    Unauthorized,
    /// The server doesn't have the model (404, `model_not_found`).
    #[error("the model server does not have the model")]
    ModelMissing,
    /// The server has no page at the configured address (404 or 405 without a word about a model).
    #[error("the model server has no chat/completions at this address")]
    PathMissing,
    /// The server refuses the request (400 and every other 4xx, and redirects, which are never followed).
    #[error("the model server refuses the request ({status})")]
    BadRequest {
        /// The HTTP status; 400 for one refused inside a stream.
        status: u16,
        /// The server's text: at most 300 characters, without the key. For the log, not for students.
        detail: String,
    },
    /// The request is larger than the model's context window. The same request never fits; a shorter one may.
    #[error("the request does not fit the model's context window")]
    ContextFull {
        /// The window's size in tokens, where the server stated it.
        window: Option<u32>,
        /// The model that was asked: the requested one or a fallback.
        model: String,
    },
    /// The server failed (5xx, 408).
    #[error("the model server failed ({status})")]
    Server {
        /// The HTTP status; 500 for a failure reported inside a stream.
        status: u16,
    },
    /// The reply was truncated, invalid, empty or too large.
    #[error("the model server's reply is broken")]
    Broken,
    /// The model wrote thoughts alone, or reached its token limit before its first word.
    #[error("the model used up its tokens before it wrote an answer; a higher ANSWER_MAX_TOKENS may help")]
    NoAnswer,
    /// The provider's filter stopped the request, or the answer before its first word.
    #[error("the model server's content filter stopped this")]
    ContentFilter,
    /// The circuit breaker is open: the server failed too often recently. No call was made.
    #[error("calls to the model server pause after failures")]
    BreakerOpen {
        /// When a call may be tried again.
        retry_in: Duration,
        /// Why the breaker is open.
        cause: OpenCause,
    },
}

/// What a failed call says about the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    /// It declined the request, or answered it.
    Healthy,
    /// It did not answer in time.
    Slow,
    /// It fails, and the breaker counts it.
    Failing(OpenCause),
}

/// Which time limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeoutPhase {
    /// Opening the connection.
    Connect,
    /// From sending to the first text.
    FirstToken,
    /// Between two events of an answer.
    Idle,
    /// The whole call.
    Total,
}

impl std::fmt::Display for TimeoutPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connect => "connecting",
            Self::FirstToken => "first token",
            Self::Idle => "between tokens",
            Self::Total => "in all",
        })
    }
}

impl Error {
    /// Whether the same request may succeed if it is sent again soon. The client itself retries before the first token. For
    /// a caller, this says whether to offer "try again".
    ///
    /// A timeout before the first token is not retryable: the student has waited long, and the server is still busy.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect | Self::Timeout(TimeoutPhase::Connect) | Self::RateLimited { .. } | Self::Broken => true,
            Self::Server { status } => matches!(status, 408 | 500 | 502 | 503 | 504 | 529),
            _ => false,
        }
    }

    /// Whether another model of the same server may do better.
    pub(super) fn may_depend_on_model(&self) -> bool {
        matches!(
            self,
            Self::ModelMissing | Self::RateLimited { .. } | Self::Server { .. } | Self::Broken | Self::NoAnswer
        )
    }

    /// What the error says about the server.
    pub(super) fn health(&self) -> Health {
        match self {
            Self::Connect | Self::Timeout(TimeoutPhase::Connect) => Health::Failing(OpenCause::Unreachable),
            // A gateway took the request, and the server behind it did not answer in time.
            Self::Timeout(_) | Self::Server { status: 408 | 504 | 524 } => Health::Slow,
            Self::Server { .. } | Self::Broken => Health::Failing(OpenCause::Failing),
            _ => Health::Healthy,
        }
    }

    /// The label in metrics and logs.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout(TimeoutPhase::Connect) => "connect_timeout",
            Self::Timeout(TimeoutPhase::FirstToken) => "first_token_timeout",
            Self::Timeout(TimeoutPhase::Idle) => "idle_timeout",
            Self::Timeout(TimeoutPhase::Total) => "total_timeout",
            Self::RateLimited { .. } => "rate_limited",
            Self::Quota => "quota",
            Self::Unauthorized => "unauthorized",
            Self::ModelMissing => "model_missing",
            Self::PathMissing => "path_missing",
            Self::BadRequest { .. } => "bad_request",
            Self::ContextFull { .. } => "context_full",
            Self::Server { .. } => "server",
            Self::Broken => "broken",
            Self::NoAnswer => "no_answer",
            Self::ContentFilter => "content_filter",
            Self::BreakerOpen { .. } => "breaker_open",
        }
    }
}

/// Why a client cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The address isn't an `http` or `https` URL.
    #[error("the model server's address must be an http or https URL, like https://api.openai.com/v1")]
    BaseUrl,
    /// The key holds characters that no HTTP header may carry.
    #[error("the model server's key holds a line break or another character that cannot be sent")]
    Key,
    /// The HTTP client couldn't be made; for an `https` address most likely for want of root certificates.
    #[error("the HTTP client cannot be made; for an https address, SSL_CERT_FILE must name a file with certificates")]
    Http(#[from] reqwest::Error),
}
