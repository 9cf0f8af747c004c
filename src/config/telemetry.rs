//! Settings of logs, error reports and traces.

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use sentry::types::Dsn;

use super::{ConfigError, Switch, validate};

/// Where errors and traces go, and what may stand in the log.
#[derive(Debug, Clone, Args)]
pub struct TelemetryConfig {
    /// Log what students write and models answer as well; for looking into a fault, and told at the start
    #[arg(long, env = "LOG_STUDENT_TEXT", value_enum, default_value_t = Switch::Off)]
    pub log_student_text: Switch,
    /// Sentry project that errors are sent to, such as https://key@o1.ingest.sentry.io/2; none if not said
    #[arg(long, env = "SENTRY_DSN", hide_env_values = true)]
    pub sentry_dsn: Option<SecretString>,
    /// OpenTelemetry collector that traces are sent to over HTTP, such as http://127.0.0.1:4318; none if not said
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Name of the service in traces
    #[arg(long, env = "OTEL_SERVICE_NAME", default_value = "llm-classroom")]
    pub otel_service_name: String,
}

impl TelemetryConfig {
    /// The Sentry project, unless none is named: `.env` files often carry an empty setting.
    ///
    /// # Errors
    /// [`ConfigError`] for what is no DSN.
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

    /// Where traces are sent, unless nowhere: the collector's address with the path of the protocol.
    ///
    /// # Errors
    /// [`ConfigError`] for what is no address.
    pub fn traces_url(&self) -> Result<Option<String>, ConfigError> {
        let endpoint = self.otel_exporter_otlp_endpoint.as_deref().map(str::trim).unwrap_or_default();
        if endpoint.is_empty() {
            return Ok(None);
        }
        validate::check_url("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)?;
        Ok(Some(format!("{}/v1/traces", endpoint.trim_end_matches('/'))))
    }
}
