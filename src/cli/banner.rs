//! What `serve` prints at the start: the address, the database and the model.

use crate::{config::Config, redis::Redis, server::certificates};
use store::{DatabaseEngine, Store};

/// The text for a server at `address`.
#[must_use]
pub fn text(config: &Config, store: &Store, redis: Option<&Redis>, address: &str) -> String {
    let answers = match config.model.server() {
        Some(server) => format!("{} at {server}", config.model.openai_model),
        None => "the practice partner, since no model is connected\n            \
            to connect one, set OPENAI_API_KEY, or OPENAI_BASE_URL and OPENAI_MODEL for a server of your own\n            \
            (Ollama: OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_MODEL=gemma3), in the environment or, one on\n            \
            each line, in .env"
            .to_owned(),
    };
    let certificates = match config.tls.is_on() {
        true => format!(
            "\n            with certificates of {}, ordered and renewed automatically",
            certificates::authority(&config.tls)
        ),
        false => String::new(),
    };
    let instances = match (redis, store.engine()) {
        (Some(redis), _) => format!("\n  instances any number, sharing {}", redis.describe()),
        (None, DatabaseEngine::Postgres) => {
            "\n  instances this one only, since REDIS_URL is not set; with it any number serve together".to_owned()
        }
        (None, DatabaseEngine::Sqlite) => String::new(),
    };
    format!(
        "LLM Classroom {}\n  open      {address}{certificates}\n  database  {}{instances}\n  answers   {answers}",
        env!("CARGO_PKG_VERSION"),
        store.describe(),
    )
}
