//! The assistant that the settings choose, and the discovery of its model server.

use std::time::Duration;

use anyhow::Context as _;

use super::{Assistant, GenerationParams};
use crate::config::{ModelConfig, ModelPrice};

/// How often the model server is asked for its properties. Discovered properties expire after a longer time.
const REDISCOVERY_INTERVAL: Duration = Duration::from_secs(30 * 60);

impl Assistant {
    /// The model server of the settings, or the practice partner if they name none.
    ///
    /// # Errors
    /// If the settings of the model server are invalid.
    pub fn new(config: &ModelConfig) -> anyhow::Result<Self> {
        let Some(base_url) = config.server() else { return Ok(Self::Practice) };
        let seconds = Duration::from_secs_f64;
        let prices = config.model_prices.iter().map(|price| {
            let &ModelPrice { input, output, cached, .. } = price;
            (price.model.clone(), llm::Price { input, cached, output })
        });
        for model in config.models().filter(|model| !config.model_prices.iter().any(|price| price.model == **model)) {
            tracing::info!(model, "MODEL_PRICES names no price for this model, so its cost is not counted");
        }
        let client = llm::Client::new(llm::Settings {
            key: config.key(),
            fallbacks: config.openai_fallback_models.clone(),
            prices: prices.collect(),
            window: Some(config.model_context_tokens).filter(|tokens| *tokens > 0),
            slots: Some(config.model_slots).filter(|slots| *slots > 0),
            connect_timeout: seconds(config.connect_timeout_seconds),
            first_token_timeout: seconds(config.first_token_seconds()),
            idle_timeout: seconds(config.idle_timeout_seconds),
            total_timeout: seconds(config.answer_seconds()),
            retries: config.model_retries,
            breaker_failures: config.breaker_failures,
            breaker_cooldown: seconds(config.breaker_cooldown_seconds),
            ..llm::Settings::new(base_url, &config.openai_model)
        })
        .context("the model server can't be used; check OPENAI_BASE_URL and OPENAI_API_KEY")?;
        let params = GenerationParams {
            answer_tokens: config.answer_max_tokens,
            feedback_tokens: config.feedback_max_tokens,
            history_tokens: config.history_max_tokens,
            temperature: config.temperature,
        };
        Ok(Self::Model(client, params))
    }
}

/// Discovers the properties of the model server as soon as it can be reached, then at every interval and whenever another
/// server seems to answer. Never returns.
pub async fn rediscover(client: llm::Client, models: Vec<String>) {
    loop {
        let mut pauses = [1, 5, 30].into_iter().chain(std::iter::repeat(120)).map(Duration::from_secs);
        while !client.discover(&models).await {
            tokio::time::sleep(pauses.next().unwrap_or_default()).await;
        }
        // A restarted server may have another context window, which nothing else announces.
        let _ = tokio::time::timeout(REDISCOVERY_INTERVAL, client.server_changed()).await;
    }
}
