//! Settings of the model server.

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{ModelPrice, non_empty, prices};

/// The server OpenAI runs.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// Which model server, and the limits of calls to it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelConfig {
    /// Key of the model server; without key and base URL the practice partner answers
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true)]
    pub openai_api_key: Option<SecretString>,
    /// OpenAI-compatible server, such as http://127.0.0.1:11434/v1 for Ollama; OpenAI itself if only a key is set
    #[arg(long, env = "OPENAI_BASE_URL", value_parser = non_empty)]
    pub openai_base_url: Option<String>,
    /// Model for answers, feedback and guides
    #[arg(long, env = "OPENAI_MODEL", default_value = "gpt-4o-mini")]
    pub openai_model: String,
    /// Models to try in this order when that one fails, comma-separated
    #[arg(long, env = "OPENAI_FALLBACK_MODELS", value_delimiter = ',')]
    pub openai_fallback_models: Vec<String>,
    /// Further models that clients of `/api/v1/chat/*` may name, comma-separated
    #[arg(long, env = "MODEL_ALLOWLIST", value_delimiter = ',')]
    pub model_allowlist: Vec<String>,
    /// Prices in US dollars per million tokens, for the cost metrics, comma-separated: MODEL=INPUT/OUTPUT, or
    /// MODEL=INPUT/OUTPUT/CACHED if cached input is cheaper; models without a price count as free
    #[arg(
        long,
        env = "MODEL_PRICES",
        value_delimiter = ',',
        value_parser = prices::price,
        default_value = "gpt-4o-mini=0.15/0.60/0.075"
    )]
    pub model_prices: Vec<ModelPrice>,
    /// Most tokens of an answer
    #[arg(long, env = "ANSWER_MAX_TOKENS", default_value_t = 1000)]
    pub answer_max_tokens: u32,
    /// Most tokens of feedback and of a guide
    #[arg(long, env = "FEEDBACK_MAX_TOKENS", default_value_t = 1200)]
    pub feedback_max_tokens: u32,
    /// Most tokens of earlier turns that are sent along with a question
    #[arg(long, env = "HISTORY_MAX_TOKENS", default_value_t = 6000)]
    pub history_max_tokens: u32,
    /// Tokens of the model's context window; 0 asks the server. Below 8192 shorter prompts are used; 4096 are enough
    #[arg(long, env = "MODEL_CONTEXT_TOKENS", default_value_t = 0)]
    pub model_context_tokens: u32,
    /// Requests that the model server handles at a time; 0 asks the server. Up to 4, the feedback request waits until the
    /// answer has begun
    #[arg(long, env = "MODEL_SLOTS", default_value_t = 0)]
    pub model_slots: u32,
    /// Sampling temperature of answers, 0 to 2
    #[arg(long, env = "TEMPERATURE", default_value_t = 0.7)]
    pub temperature: f32,
    /// Seconds to connect to the model server
    #[arg(long, env = "CONNECT_TIMEOUT_SECONDS", default_value_t = 5.0)]
    pub connect_timeout_seconds: f64,
    /// Seconds of silence before the first word or thought; if not set, 30, or 180 for a model server on this machine or in
    /// a private network
    #[arg(long, env = "FIRST_TOKEN_TIMEOUT_SECONDS")]
    pub first_token_timeout_seconds: Option<f64>,
    /// Seconds of silence between two words
    #[arg(long, env = "IDLE_TIMEOUT_SECONDS", default_value_t = 20.0)]
    pub idle_timeout_seconds: f64,
    /// Seconds for a whole answer; if not set, 120, or 600 for a model server on this machine or in a private network
    #[arg(long, env = "ANSWER_TIMEOUT_SECONDS")]
    pub answer_timeout_seconds: Option<f64>,
    /// Retries of a call that failed before its first word
    #[arg(long, env = "MODEL_RETRIES", default_value_t = 2)]
    pub model_retries: u32,
    /// Consecutive failures that open the circuit breaker: the model server then gets no requests for a while
    #[arg(long, env = "BREAKER_FAILURES", default_value_t = 5)]
    pub breaker_failures: u32,
    /// Seconds that the circuit breaker stays open
    #[arg(long, env = "BREAKER_COOLDOWN_SECONDS", default_value_t = 15.0)]
    pub breaker_cooldown_seconds: f64,
}

impl ModelConfig {
    /// The key, unless it's empty: `.env` files often carry empty settings.
    #[must_use]
    pub fn key(&self) -> Option<SecretString> {
        self.openai_api_key.clone().filter(|key| !key.expose_secret().trim().is_empty())
    }

    /// The model server's address, or `None` if the practice partner answers.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match (&self.openai_base_url, self.key()) {
            (Some(url), _) => Some(url),
            (None, Some(_)) => Some(OPENAI_BASE_URL),
            (None, None) => None,
        }
    }

    /// The provider of the model server and the age in years below which its terms exclude people, if they do.
    ///
    /// Gemini API Additional Terms of Service, "Age Requirements": 18, also for services directed at people below it.
    /// OpenAI Terms of Use, "Registration and access": 13.
    #[must_use]
    pub fn provider_with_minimum_age(&self) -> Option<(&'static str, u8)> {
        let url = Url::parse(self.server()?).ok()?;
        let host = url.host_str()?.trim_end_matches('.');
        let is_of = |domain: &str| host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        match () {
            () if is_of("generativelanguage.googleapis.com") => Some(("Google Gemini API", 18)),
            () if is_of("openai.com") => Some(("OpenAI", 13)),
            () => None,
        }
    }

    /// Every model that may be asked.
    pub fn models(&self) -> impl Iterator<Item = &String> {
        [&self.openai_model].into_iter().chain(&self.openai_fallback_models).chain(&self.model_allowlist)
    }

    /// Whether clients of the stateless API may ask for this model.
    #[must_use]
    pub fn allows(&self, model: &str) -> bool {
        self.models().any(|allowed| allowed == model)
    }
}
