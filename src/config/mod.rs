//! Settings: flag over environment over `.env` over default. One struct, read once, passed by reference.

mod backup;
mod doctor_args;
mod files;
mod prices;
mod private_address;
mod secrets;
mod telemetry;
mod time_limits;
mod tls;
mod validate;

use std::{
    borrow::Cow,
    env,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, error::ErrorKind};
use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};

pub use backup::BackupConfig;
pub use doctor_args::DoctorArgs;
pub use files::{are_hidden, load};
pub use prices::ModelPrice;
pub(crate) use private_address::is_private_address;
pub use secrets::SECRETS;
pub use telemetry::TelemetryConfig;
pub use tls::{LETS_ENCRYPT, TlsConfig};
pub use validate::ConfigError;

/// The server OpenAI runs.
pub const OPENAI_BASE_URL: &str = "https://api.openai.com/v1";

/// LLM Classroom: students learn to ask a language model well.
#[derive(Debug, Parser)]
#[command(name = "llm-classroom", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `serve` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`, which may also stand without the word.
    #[command(flatten)]
    pub config: Config,
}

impl Cli {
    /// What the command line, the environment and the files of secrets say; `--help` and mistakes end the program.
    ///
    /// # Errors
    /// When a file that a setting names can't be read; and when the doctor is asked, whose answer it is, that a setting
    /// has a value that it can't have.
    pub fn read() -> Result<Self, ConfigError> {
        let mut command = secrets::with_files(Self::command())?;
        let read = command.try_get_matches_from_mut(env::args_os());
        match read.and_then(|matches| Self::from_arg_matches(&matches)) {
            Ok(cli) => Ok(cli),
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ValueValidation | ErrorKind::InvalidValue | ErrorKind::InvalidUtf8
                ) && DoctorArgs::read().is_some() =>
            {
                let said = error.to_string();
                let line = said.lines().next().unwrap_or_default();
                Err(ConfigError(line.trim_start_matches("error: ").to_owned()))
            }
            Err(error) => error.format(&mut command).exit(),
        }
    }
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve pages and API (the default)
    Serve(Box<Config>),
    /// Bring the database to this version and exit; with --from and --to, move a school to another database
    Migrate(Box<Migrate>),
    /// Look at every part, say what is wrong and how to fix it; the exit code is 1 when something doesn't work
    Doctor(Box<Doctor>),
    /// Make a backup (the default), list or verify backups
    Backup(Box<Backup>),
    /// Restore a backup into an empty database
    Restore(Box<Restore>),
    /// Print the OpenAPI document and exit
    Openapi,
}

/// What `migrate` is told: two addresses to move a school, or none.
#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// Database to move a school from, such as sqlite://data/llm-classroom.db; its data stays there
    #[arg(long, value_name = "DATABASE")]
    pub from: Option<SecretString>,
    /// Database to move it to, such as postgres://user:password@host/database
    #[arg(long, value_name = "DATABASE")]
    pub to: Option<SecretString>,
    /// Settings, of which the database's are used
    #[command(flatten)]
    pub config: Config,
}

/// What `backup` is told.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// What to do; make a backup when nothing is said
    #[command(subcommand)]
    pub action: Option<BackupAction>,
    /// Settings, of which those of database and backup are used
    #[command(flatten)]
    pub config: Config,
}

/// What there is to do with backups.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupAction {
    /// Show the whole backups that are there, the newest first
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Read a backup and check everything that can be checked
    Verify {
        /// Its name, or latest
        #[arg(default_value = "latest")]
        name: String,
    },
}

/// What `restore` is told.
#[derive(Debug, Clone, Args)]
pub struct Restore {
    /// The backup's name, or latest
    #[arg(default_value = "latest")]
    pub name: String,
    /// Settings, of which those of database and backup are used
    #[command(flatten)]
    pub config: Config,
}

/// What `doctor` is told.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Only ask the server on this machine whether it lives, and say nothing
    #[arg(long, conflicts_with = "json")]
    pub health: bool,
    /// Language of the report: ko or en; if not said, as LC_ALL or LANG have it, else English
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Settings, as the server has them
    #[command(flatten)]
    pub config: Config,
}

impl Migrate {
    /// From where to where a school is to be moved, if it is.
    ///
    /// # Errors
    /// When only one of the two is said.
    pub fn places(&self) -> Result<Option<(&SecretString, &SecretString)>, clap::Error> {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => Ok(Some((from, to))),
            (None, None) => Ok(None),
            _ => Err(Self::augment_args(clap::Command::new("llm-classroom migrate")).error(
                ErrorKind::MissingRequiredArgument,
                "--from and --to go together: give both to move a school to another database, \
                 or neither to bring the database to this version",
            )),
        }
    }
}

/// Every setting. `--help` shows each with its environment variable and default.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Address to listen on
    #[arg(long, env = "APP_HOST", default_value = "127.0.0.1")]
    pub app_host: IpAddr,
    /// Port to listen on; 0 takes a free one
    #[arg(long, env = "APP_PORT", default_value_t = 8000)]
    pub app_port: u16,
    /// `production` insists on settings that are safe in public
    #[arg(long, env = "APP_ENV", value_enum, default_value_t = AppEnv::Development)]
    pub app_env: AppEnv,
    /// Public address, such as https://class.example.kr; when https, cookies are sent over TLS only
    #[arg(long, env = "APP_BASE_URL", value_parser = non_empty)]
    pub app_base_url: Option<String>,
    /// sqlite://path or postgres://user:password@host/database
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://data/llm-classroom.db", hide_env_values = true)]
    pub database_url: SecretString,
    /// redis://host:6379 or, over TLS, rediss://:password@host:6379; lets several instances serve one PostgreSQL
    /// together
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<SecretString>,
    /// Most connections to PostgreSQL (16 if not said, about 10 MB each at the server), or readers of SQLite (4 if not
    /// said, a thread and about 2 MB each)
    #[arg(long, env = "DATABASE_POOL")]
    pub database_pool: Option<u32>,
    /// Proxies in front, as addresses or networks, comma-separated; only from these is X-Forwarded-For believed
    #[arg(long, env = "TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Further names under which the program may be asked for, comma-separated; * for any. APP_BASE_URL's, TLS_DOMAIN's,
    /// this machine's own and every IP address are allowed anyway
    #[arg(long, env = "ALLOWED_HOSTS", value_delimiter = ',')]
    pub allowed_hosts: Vec<String>,
    /// Most connections at a time, each up to about 40 KB; who comes then is told to come back. Bounded by what
    /// the system lets be opened
    #[arg(long, env = "MAX_CONNECTIONS", default_value_t = 10_000)]
    pub max_connections: usize,
    /// Origins whose pages may call /api/v1/chat/*, comma-separated; * for any
    #[arg(long, env = "CORS_ALLOW_ORIGINS", value_delimiter = ',', default_value = "*")]
    pub cors_allow_origins: Vec<String>,
    /// Log lines for people or for machines
    #[arg(long, env = "LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// What to log, such as info or llm_classroom=debug; libraries are never logged below info, since they would write what
    /// students write
    #[arg(
        long,
        env = "RUST_LOG",
        default_value = "info,memory_serve=warn,sea_orm_migration=warn,sqlx::postgres::notice=warn"
    )]
    pub rust_log: String,
    /// Own listener for /metrics; without it /metrics answers on the main port to this machine only
    #[arg(long, env = "METRICS_ADDR")]
    pub metrics_addr: Option<SocketAddr>,
    /// Seconds that running answers get to finish after SIGTERM
    #[arg(long, env = "SHUTDOWN_GRACE_SECONDS", default_value_t = 20)]
    pub shutdown_grace_seconds: u64,
    /// Seconds a request other than a stream may take; if not said, 30 more than ANSWER_TIMEOUT_SECONDS
    #[arg(long, env = "REQUEST_TIMEOUT_SECONDS")]
    pub request_timeout_seconds: Option<u64>,
    /// Settings of TLS without a proxy
    #[command(flatten)]
    pub tls: TlsConfig,
    /// Settings of backups
    #[command(flatten)]
    pub backup: BackupConfig,
    /// Settings of the model side
    #[command(flatten)]
    pub model: ModelConfig,
    /// Limits on use
    #[command(flatten)]
    pub limits: LimitConfig,
    /// Where errors and traces go
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

/// Which model server, and how patiently it is asked.
#[derive(Debug, Clone, Args)]
pub struct ModelConfig {
    /// Key of the model server; without key and base URL the practice partner serves
    #[arg(long, env = "OPENAI_API_KEY", hide_env_values = true)]
    pub openai_api_key: Option<SecretString>,
    /// OpenAI-compatible server, such as http://127.0.0.1:11434/v1 for Ollama; OpenAI itself when only a key is set
    #[arg(long, env = "OPENAI_BASE_URL", value_parser = non_empty)]
    pub openai_base_url: Option<String>,
    /// Model for answers, feedback and guides
    #[arg(long, env = "OPENAI_MODEL", default_value = "gpt-4o-mini")]
    pub openai_model: String,
    /// Models to try in this order when the first one fails, comma-separated
    #[arg(long, env = "OPENAI_FALLBACK_MODELS", value_delimiter = ',')]
    pub openai_fallback_models: Vec<String>,
    /// Further models that clients of /api/v1/chat/* may name, comma-separated
    #[arg(long, env = "MODEL_ALLOWLIST", value_delimiter = ',')]
    pub model_allowlist: Vec<String>,
    /// What models cost in US dollars per million tokens, comma-separated: MODEL=INPUT/OUTPUT, or
    /// MODEL=INPUT/OUTPUT/CACHED where cached input is cheaper; models that aren't named cost nothing in the figures
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
    /// Tokens of the model's context window, for question and answer together; 0 finds out from the server. Below 8192
    /// the program uses shorter prompts
    #[arg(long, env = "MODEL_CONTEXT_TOKENS", default_value_t = 0)]
    pub model_context_tokens: u32,
    /// Requests the model server works on at a time; 0 finds out from the server. Up to 4, a question's feedback is asked
    /// for once its answer has begun
    #[arg(long, env = "MODEL_SLOTS", default_value_t = 0)]
    pub model_slots: u32,
    /// How varied answers are, 0 to 2
    #[arg(long, env = "TEMPERATURE", default_value_t = 0.7)]
    pub temperature: f32,
    /// Seconds to reach the model server
    #[arg(long, env = "CONNECT_TIMEOUT_SECONDS", default_value_t = 5.0)]
    pub connect_timeout_seconds: f64,
    /// Seconds of silence until the first word or thought; if not said, 30, or 180 for a model server on this machine or in a private
    /// network, which may be slow
    #[arg(long, env = "FIRST_TOKEN_TIMEOUT_SECONDS")]
    pub first_token_timeout_seconds: Option<f64>,
    /// Seconds between two words
    #[arg(long, env = "IDLE_TIMEOUT_SECONDS", default_value_t = 20.0)]
    pub idle_timeout_seconds: f64,
    /// Seconds for a whole answer; if not said, 120, or 600 for a model server on this machine or in a private network
    #[arg(long, env = "ANSWER_TIMEOUT_SECONDS")]
    pub answer_timeout_seconds: Option<f64>,
    /// Further tries of a call that failed before its first word
    #[arg(long, env = "MODEL_RETRIES", default_value_t = 2)]
    pub model_retries: u32,
    /// Failures in a row after which the server is left alone for a while
    #[arg(long, env = "BREAKER_FAILURES", default_value_t = 5)]
    pub breaker_failures: u32,
    /// Seconds it is left alone
    #[arg(long, env = "BREAKER_COOLDOWN_SECONDS", default_value_t = 15.0)]
    pub breaker_cooldown_seconds: f64,
}

/// Limits on use.
#[derive(Debug, Clone, Args)]
pub struct LimitConfig {
    /// Whether requests are limited in number
    #[arg(long, env = "RATE_LIMIT", value_enum, default_value_t = Switch::On)]
    pub rate_limit: Switch,
    /// Questions a learner may send a minute
    #[arg(long, env = "RATE_LIMIT_LEARNER_PER_MINUTE", default_value_t = 20)]
    pub rate_limit_learner_per_minute: u32,
    /// Questions the learners behind one address may send a minute: a whole school may sit behind it. Those known for
    /// a day and those who came later are counted apart
    #[arg(long, env = "RATE_LIMIT_ADDRESS_PER_MINUTE", default_value_t = 600)]
    pub rate_limit_address_per_minute: u32,
    /// Calls without a learner's cookie that one address may send a minute: /api/v1/chat/*; never more than
    /// RATE_LIMIT_ADDRESS_PER_MINUTE. Preset guides and guides that were made already cost nothing
    #[arg(long, env = "RATE_LIMIT_ANONYMOUS_PER_MINUTE", default_value_t = 60)]
    pub rate_limit_anonymous_per_minute: u32,
    /// New learners that one address may bring a minute: three classes that come for the first time; never more than
    /// RATE_LIMIT_ADDRESS_PER_MINUTE
    #[arg(long, env = "RATE_LIMIT_NEW_LEARNERS_PER_MINUTE", default_value_t = 120)]
    pub rate_limit_new_learners_per_minute: u32,
    /// Tokens the whole server may use a day (days begin at midnight in Korea); 0 for no limit
    #[arg(long, env = "DAILY_TOKEN_BUDGET", default_value_t = 0)]
    pub daily_token_budget: u64,
    /// Turns, stateless calls and guides that may run at a time on this instance, about 200 KB each; who asks above
    /// that is told to wait a moment. Guides take a quarter of them at most, stateless calls
    /// without a cookie half
    #[arg(long, env = "MAX_TURNS", default_value_t = 500)]
    pub max_turns: usize,
    /// Event streams of turns that may be open on this instance, about 25 KB each; who comes then is told to come again
    #[arg(long, env = "MAX_FOLLOWERS", default_value_t = 5_000)]
    pub max_followers: usize,
    /// Of these, streams of one learner: tabs, devices, and connections that went without a word
    #[arg(long, env = "MAX_FOLLOWERS_PER_LEARNER", default_value_t = 50)]
    pub max_followers_per_learner: usize,
    /// Of these, streams of one turn
    #[arg(long, env = "MAX_FOLLOWERS_PER_TURN", default_value_t = 20)]
    pub max_followers_per_turn: usize,
    /// Guides kept in memory, about 4 KB each
    #[arg(long, env = "GUIDE_CACHE", default_value_t = 500)]
    pub guide_cache: u64,
    /// Megabytes of answers kept in memory as HTML, 2 to 10 KB each, so that reading a conversation again costs no
    /// rendering; 0 keeps none
    #[arg(long, env = "ANSWER_CACHE_MB", default_value_t = 16)]
    pub answer_cache_mb: u64,
}

/// Where the program runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AppEnv {
    /// On somebody's desk.
    Development,
    /// In public.
    Production,
}

/// The shape of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
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
    /// The address students know: the one that was told, or the first name that is served over TLS.
    #[must_use]
    pub fn public_url(&self) -> Option<Cow<'_, str>> {
        let of_tls = || self.tls.tls_domain.first().map(|name| format!("https://{name}").into());
        self.app_base_url.as_deref().map(Cow::Borrowed).or_else(of_tls)
    }

    /// Whether the public address is https, so that cookies can insist on it.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.public_url().is_some_and(|url| url.starts_with("https://"))
    }

    /// Where instances share, unless it's empty: `.env` files often carry an empty one.
    #[must_use]
    pub fn redis(&self) -> Option<&str> {
        self.redis_url.as_ref().map(|url| url.expose_secret().trim()).filter(|url| !url.is_empty())
    }

    /// How long running answers get to finish after SIGTERM.
    #[must_use]
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.shutdown_grace_seconds)
    }

    /// How long a connection may stay without a request. A proxy waits at least as long for an answer as one may take; we
    /// wait longer, so that it's the proxy who closes, never we at the moment it sends.
    #[must_use]
    pub fn idle_timeout(&self) -> Duration {
        self.request_timeout().saturating_add(Duration::from_secs(30))
    }
}

impl ModelConfig {
    /// The key, unless it's empty: `.env` files often carry an empty one.
    #[must_use]
    pub fn key(&self) -> Option<SecretString> {
        self.openai_api_key.clone().filter(|key| !key.expose_secret().trim().is_empty())
    }

    /// The model server's address, or `None` when the practice partner serves.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        match (&self.openai_base_url, self.key()) {
            (Some(url), _) => Some(url),
            (None, Some(_)) => Some(OPENAI_BASE_URL),
            (None, None) => None,
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

fn non_empty(text: &str) -> Result<String, &'static str> {
    match text.trim().trim_end_matches('/') {
        "" => Err("it is empty; leave the setting out instead"),
        text => Ok(text.to_owned()),
    }
}

/// A network, or a single address as the network of itself.
fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}
