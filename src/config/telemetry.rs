//! Settings of logs, error reports and traces.

use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use sentry::types::Dsn;

use super::{ConfigError, Switch, urls};

/// What is logged, and where errors and traces are sent. Every command uses these settings.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logs, errors and traces")]
pub struct TelemetryConfig {
    /// Where the program runs, which stands on errors and traces; `production` refuses settings that are unsafe on a public
    /// server
    #[arg(long, env = "APP_ENV", value_enum, default_value_t = AppEnv::Development)]
    pub app_env: AppEnv,
    /// Log lines: `text` for people, `json` for log collectors
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// Log filter, such as info or llm_classroom=debug. Libraries never log below `info`, because they would write texts of
    /// students
    #[arg(
        long,
        env = "RUST_LOG",
        default_value = "info,memory_serve=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn"
    )]
    pub rust_log: String,
    /// Whether texts of students and models are logged too, to investigate an error; a warning at the start says so
    #[arg(long, env = "LOG_STUDENT_TEXT", value_enum, default_value_t = Switch::Off)]
    pub log_student_text: Switch,
    /// Sentry project that errors are sent to, without texts of students, such as https://key@o1.ingest.sentry.io/2
    #[arg(long, env = "SENTRY_DSN", hide_env_values = true)]
    pub sentry_dsn: Option<SecretString>,
    /// OpenTelemetry collector that traces are sent to (OTLP over HTTP), such as http://127.0.0.1:4318; the SDK's other
    /// settings work under their standard names, such as `OTEL_TRACES_SAMPLER`
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Name of the service in traces
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "llm-classroom")]
    pub otel_service_name: String,
}

/// Where the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AppEnv {
    /// On a developer's machine.
    Development,
    /// On a public server.
    Production,
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl TelemetryConfig {
    /// The Sentry project, unless it's empty: `.env` files often carry empty settings.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no DSN.
    pub fn dsn(&self) -> Result<Option<Dsn>, ConfigError> {
        let Some(text) = self.sentry_dsn.as_ref().map(|dsn| dsn.expose_secret().trim()).filter(|dsn| !dsn.is_empty())
        else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            // The message leaves the value out: it may be a secret of another setting.
            ConfigError::new(
                "SENTRY_DSN can't be read; copy the whole DSN from the project's settings in Sentry (Client Keys), \
                 such as https://key@o1.ingest.sentry.io/2, or leave SENTRY_DSN out",
            )
        })
    }

    /// The collector's address with the path of the protocol, or `None` if no traces are sent.
    ///
    /// # Errors
    /// [`ConfigError`] if it is no address.
    pub fn traces_url(&self) -> Result<Option<String>, ConfigError> {
        let endpoint = self.otel_exporter_otlp_endpoint.as_deref().map(str::trim).unwrap_or_default();
        if endpoint.is_empty() {
            return Ok(None);
        }
        let url = urls::check_url("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)?;
        Ok(Some(format!("{}/v1/traces", url.as_str().trim_end_matches('/'))))
    }
}
