//! The settings of a client.

use super::Price;
use secrecy::SecretString;
use std::time::Duration;

/// The address, credentials and limits of a model server. `Debug` doesn't show the key.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The API's root, like `https://api.openai.com/v1`, with or without a slash at the end. A query, as Azure's
    /// `?api-version=…`, is kept.
    pub base_url: String,
    /// Sent as a bearer token, and as `api-key` to hosts under `azure.com`; none for local servers.
    pub key: Option<SecretString>,
    /// The model to ask.
    pub model: String,
    /// Models to try when that one fails, in order, once each.
    pub fallbacks: Vec<String>,
    /// Prices by model name. The cost of other models is not counted.
    pub prices: Vec<(String, Price)>,
    /// Tokens of the models' context window. `None`: learned from the server.
    pub window: Option<u32>,
    /// Requests that the server processes at a time. `None`: learned from the server.
    pub slots: Option<u32>,
    /// To open a connection.
    pub connect_timeout: Duration,
    /// From sending a request to the first text of its answer, each attempt anew. Reasoning doesn't count as text.
    pub first_token_timeout: Duration,
    /// Between two events of an answer. Keep-alive comments don't count as events.
    pub idle_timeout: Duration,
    /// The whole call with its retries and fallbacks, to the last token.
    pub total_timeout: Duration,
    /// How often to try again before the first token (0 = once only).
    pub retries: u32,
    /// The pause before the first retry. It doubles each time, up to 8 seconds, and as much again is added at random.
    pub retry_delay: Duration,
    /// The longest `Retry-After` to wait out; a longer one ends the attempt.
    pub retry_after_limit: Duration,
    /// Failed calls in a row that open the circuit breaker (at least 1).
    pub breaker_failures: u32,
    /// How long the breaker stays open before one call may probe.
    pub breaker_cooldown: Duration,
}

impl Settings {
    /// Settings for a server and a model, patient enough for a classroom.
    #[must_use]
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            key: None,
            model: model.into(),
            fallbacks: Vec::new(),
            prices: Vec::new(),
            window: None,
            slots: None,
            connect_timeout: Duration::from_secs(5),
            first_token_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30),
            total_timeout: Duration::from_secs(180),
            retries: 2,
            retry_delay: Duration::from_millis(250),
            retry_after_limit: Duration::from_secs(10),
            breaker_failures: 5,
            breaker_cooldown: Duration::from_secs(15),
        }
    }
}
