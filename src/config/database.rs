//! Settings of the database.

use clap::Args;
use secrecy::{ExposeSecret as _, SecretString};
use store::DatabaseEngine;

use super::ConfigError;

/// Which database, and how many connections.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct DatabaseConfig {
    /// SQLite file or PostgreSQL database: sqlite://path or postgres://user:password@host/database
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://data/llm-classroom.db", hide_env_values = true)]
    pub database_url: SecretString,
    /// Connections to PostgreSQL (16 if not set, about 10 MB each on its server), or readers of SQLite (4 if not set, a
    /// thread and about 2 MB each)
    #[arg(long, env = "DATABASE_POOL")]
    pub database_pool: Option<u32>,
}

impl DatabaseConfig {
    /// The address, with its password.
    #[must_use]
    pub fn url(&self) -> &str {
        self.database_url.expose_secret()
    }

    /// Checks the address and the number of connections, and tells which engine it is.
    ///
    /// # Errors
    /// [`ConfigError`] for an address of another kind, and for no connections.
    pub fn validate(&self) -> Result<DatabaseEngine, ConfigError> {
        if self.database_pool == Some(0) {
            return Err(ConfigError::new("DATABASE_POOL must be at least 1"));
        }
        DatabaseEngine::of_url(self.url()).ok_or_else(|| {
            ConfigError::new(
                "DATABASE_URL must begin with sqlite:// or postgres://, such as sqlite://data/llm-classroom.db",
            )
        })
    }
}
