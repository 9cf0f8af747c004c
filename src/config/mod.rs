//! Settings: flag over environment over `.env` over default. They are read once and passed by reference.
//!
//! A setting is declared once, as a field with its type, variable, default and doc comment. `--help`, the tables in the
//! READMEs and `.env.example` are written from that; `tests/api/settings.rs` compares them and renews them.

mod backup;
mod commands;
mod database;
mod doctor_args;
mod files;
mod limits;
mod model;
mod prices;
mod private_address;
mod secrets;
mod telemetry;
mod time_limits;
mod tls;
mod urls;
mod validate;

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

pub use backup::BackupConfig;
pub use commands::{
    Backup, BackupAction, BackupCommandConfig, Cli, Command, Doctor, Migrate, Restore, SafetyReport, Token, TokenAction,
};
pub use database::DatabaseConfig;
pub use doctor_args::DoctorArgs;
pub use files::{are_hidden, load};
pub use limits::{BudgetLimits, LimitConfig};
pub use model::{ModelConfig, OPENAI_BASE_URL};
pub use prices::ModelPrice;
pub(crate) use private_address::is_private_address;
pub use secrets::SECRETS;
pub use telemetry::{AppEnv, LogFormat, TelemetryConfig};
pub use tls::{LETS_ENCRYPT, TlsConfig};
use urls::normalize_url;
pub(crate) use urls::{is_https, is_this_machine, normalize_host, origin};
pub use validate::ConfigError;

/// Every setting, as `serve` and `doctor` use them.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub struct Config {
    /// Address to listen on
    #[arg(long, env = "APP_HOST", default_value = "127.0.0.1")]
    pub app_host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "APP_PORT", default_value_t = 8000)]
    pub app_port: u16,
    /// Public address, such as https://class.example.kr; with https, cookies are sent over TLS only. Requests for other
    /// host names are refused
    #[arg(long, env = "APP_BASE_URL", value_parser = non_empty)]
    pub app_base_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is trusted, as addresses or networks, comma-separated
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Further host names to accept, comma-separated; * for any. Those of APP_BASE_URL and TLS_DOMAIN, the machine's own
    /// name and every IP address are always accepted
    #[arg(long, env = "ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// Connections at a time, up to about 40 KB each; above that, a new connection gets a 503 with `Retry-After`;
    /// `/health` and `/ready` still answer. The system's limit of open files applies too
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: usize,
    /// Origins whose pages may call `/api/v1/chat/*`, comma-separated; * for any
    #[arg(long, env = "CORS_ALLOW_ORIGINS", value_delimiter = ',', default_value = "*")]
    pub cors_allow_origins: Vec<String>,
    /// Who may have the model answer by `/api/v1/chat/*`, which stores no conversation: `on` anybody, `token` programs with a
    /// token (`llm-classroom token create`) and students' pages, `off` nobody. If not set, `token` with APP_ENV=production,
    /// else `on`
    #[arg(long, env = "STATELESS_API", value_enum)]
    pub stateless_api: Option<StatelessApi>,
    /// Seconds for a request that is not a stream; if not set, 30 more than ANSWER_TIMEOUT_SECONDS
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS")]
    pub request_timeout_seconds: Option<u64>,
    /// Seconds for running answers to finish after SIGTERM
    #[arg(long, env = "SHUTDOWN_GRACE_SECONDS", default_value_t = 20)]
    pub shutdown_grace_seconds: u64,
    /// Separate listener for `/metrics`; without it, `/metrics` is on the main port and answers this machine only
    #[arg(long, env = "METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    // After the server's own settings: what follows a flattened group gets the heading of that group.
    /// Settings of the model server.
    #[command(flatten)]
    pub model: ModelConfig,
    /// Settings of TLS without a proxy.
    #[command(flatten)]
    pub tls: TlsConfig,
    /// Settings of the database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Redis, such as redis://host:6379 or, over TLS, rediss://:password@host:6379; lets several instances serve one
    /// PostgreSQL together
    #[arg(long, env = "REDIS_URL", hide_env_values = true, help_heading = "Database")]
    pub redis_url: Option<SecretString>,
    /// Days after its last question that a conversation is deleted, with everything in it; 0 or off for never
    #[arg(long, env = "RETENTION_DAYS", default_value = "365", value_parser = days, help_heading = "Database")]
    pub retention_days: u32,
    /// Settings of backups.
    #[command(flatten)]
    pub backup: BackupConfig,
    /// Limits on use.
    #[command(flatten)]
    pub limits: LimitConfig,
    /// Settings of logs, error reports and traces.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

/// Who may have the model answer stateless calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StatelessApi {
    /// Anybody.
    On,
    /// Programs with a token, and pages of this server with a learner's cookie.
    Token,
    /// Nobody.
    Off,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// On.
    On,
    /// Off.
    Off,
}

impl Config {
    /// The address that students open, without a slash at the end: `APP_BASE_URL`, or the first name that is served over
    /// TLS. A host name with Korean letters has its ASCII form.
    #[must_use]
    pub fn public_url(&self) -> Option<String> {
        let of_tls = || self.tls.tls_domain.first().map(|name| format!("https://{name}"));
        let url = self.app_base_url.as_deref().map(normalize_url).or_else(of_tls)?;
        Some(url.trim_end_matches('/').to_owned())
    }

    /// Who may have the model answer stateless calls.
    #[must_use]
    pub fn stateless_api(&self) -> StatelessApi {
        let usual = if self.is_production() { StatelessApi::Token } else { StatelessApi::On };
        self.stateless_api.unwrap_or(usual)
    }

    /// Whether others can open the public address: it isn't one of this machine.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public_url().is_some_and(|url| !Url::parse(&url).is_ok_and(|url| is_this_machine(&url)))
    }

    /// Whether the program runs on a public server.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.telemetry.app_env == AppEnv::Production
    }

    /// The tokens that may be used a day.
    #[must_use]
    pub fn budget_limits(&self) -> BudgetLimits {
        let limits = &self.limits;
        let students = limits.daily_token_budget;
        // A limit on students is the operator's wish not to pay for more.
        let usual = match students {
            0 if self.is_production() => 500_000,
            students => students.div_ceil(10),
        };
        let stateless = limits.stateless_daily_token_budget.unwrap_or(usual);
        let address = limits.stateless_address_daily_tokens.unwrap_or(stateless.div_ceil(4));
        BudgetLimits { students, stateless, address }
    }

    /// Whether the public address is https, so that cookies can require it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url().is_some_and(|url| is_https(&url))
    }

    /// The days after its last use that a conversation is deleted; `None` for never.
    #[must_use]
    pub fn retention_days(&self) -> Option<u32> {
        (self.retention_days > 0).then_some(self.retention_days)
    }

    /// The address of Redis, unless it's empty: `.env` files often carry empty settings.
    #[must_use]
    pub fn redis(&self) -> Option<&str> {
        self.redis_url.as_ref().map(|url| url.expose_secret().trim()).filter(|url| !url.is_empty())
    }

    /// How long running answers get to finish after SIGTERM.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }

    /// How long a connection may stay without a request. It is longer than a proxy keeps one, so that the proxy closes it:
    /// the program would close it at the moment when the proxy sends the next request.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.request_timeout().saturating_add(Duration::from_secs(30))
    }
}

fn non_empty(text: &str) -> Result<String, &'static str> {
    match text.trim().trim_end_matches('/') {
        "" => Err("it is empty; leave the setting out instead"),
        text => Ok(text.to_owned()),
    }
}

/// A number of days, up to a hundred years.
fn days(text: &str) -> Result<u32, &'static str> {
    match text.trim() {
        "off" => Ok(0),
        text => text.parse().ok().filter(|days| *days <= 36_500).ok_or("it is a number of days up to 36500, or off"),
    }
}

/// A network, or a single address as the network of itself.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}
