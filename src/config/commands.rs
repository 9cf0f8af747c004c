//! The command line: each command with its arguments and the settings that it uses.

use std::env;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use secrecy::SecretString;

use super::{BackupConfig, Config, ConfigError, DatabaseConfig, DoctorArgs, TelemetryConfig, secrets};

/// LLM Classroom: students learn to ask a language model well.
#[derive(Debug, Parser)]
#[command(name = "llm-classroom", version, about, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// Command to run; `serve` if none is named.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings of `serve`, which work without the command's name too.
    #[command(flatten)]
    pub config: Config,
}

impl Cli {
    /// Reads the command line, the environment and the files of secrets. `--help` and invalid arguments end the program.
    ///
    /// # Errors
    /// When a file that a setting names can't be read. For `doctor` also when a setting has an invalid value: the doctor
    /// reports it.
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
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                Err(ConfigError(line.trim_start_matches("error: ").to_owned()))
            }
            Err(error) => error.format(&mut command).exit(),
        }
    }
}

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve pages and API (the default)
    Serve(Box<Config>),
    /// Bring the database to this version and exit; with --from and --to, copy all data to another database
    Migrate(Box<Migrate>),
    /// Check every part, report what is wrong and how to fix it; the exit code is 1 if a part doesn't work
    Doctor(Box<Doctor>),
    /// Make a backup (the default), list or verify backups
    Backup(Box<Backup>),
    /// Restore a backup into an empty database
    Restore(Box<Restore>),
    /// Create, list or revoke tokens of programs that call `/api/v1/chat/*`
    Token(Box<Token>),
    /// Print what this installation does with students' data, for a school's committee, as Markdown
    SafetyReport(Box<SafetyReport>),
    /// Print the OpenAPI document and exit
    Openapi,
}

/// Arguments of `migrate`: two databases to copy all data between them, or none.
#[derive(Debug, Clone, Args)]
pub struct Migrate {
    /// Database to copy all data from, such as sqlite://data/llm-classroom.db; it isn't changed
    #[arg(long, value_name = "DATABASE")]
    pub from: Option<SecretString>,
    /// Database to copy it to, such as postgres://user:password@host/database
    #[arg(long, value_name = "DATABASE")]
    pub to: Option<SecretString>,
    /// Settings of the database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Settings of logs and error reports.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

impl Migrate {
    /// The databases to copy between, or `None` to migrate the configured one.
    ///
    /// # Errors
    /// When only one of the two is named.
    pub fn databases(&self) -> Result<Option<(&SecretString, &SecretString)>, clap::Error> {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => Ok(Some((from, to))),
            (None, None) => Ok(None),
            _ => Err(Self::augment_args(clap::Command::new("llm-classroom migrate")).error(
                ErrorKind::MissingRequiredArgument,
                "--from and --to go together: give both to copy all data to another database, \
                 or neither to bring the database to this version",
            )),
        }
    }
}

/// Arguments of `backup`.
#[derive(Debug, Clone, Args)]
pub struct Backup {
    /// What to do; makes a backup if not said
    #[command(subcommand)]
    pub action: Option<BackupAction>,
    /// Settings that it uses.
    #[command(flatten)]
    pub config: BackupCommandConfig,
}

/// Arguments of `restore`.
#[derive(Debug, Clone, Args)]
pub struct Restore {
    /// The backup's name, or latest
    #[arg(default_value = "latest")]
    pub name: String,
    /// Settings that it uses.
    #[command(flatten)]
    pub config: BackupCommandConfig,
}

/// Settings that `backup` and `restore` use.
#[derive(Debug, Clone, Args)]
pub struct BackupCommandConfig {
    /// Settings of the database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Settings of backups.
    #[command(flatten)]
    pub backup: BackupConfig,
    /// Settings of logs and error reports.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

/// What `backup` can do besides making one.
#[derive(Debug, Clone, Subcommand)]
pub enum BackupAction {
    /// List the complete backups, the newest first
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

/// Arguments of `token`.
#[derive(Debug, Clone, Args)]
pub struct Token {
    /// What to do
    #[command(subcommand)]
    pub action: TokenAction,
    /// Settings of the database.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// Settings of logs and error reports.
    #[command(flatten)]
    pub telemetry: TelemetryConfig,
}

/// What `token` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenAction {
    /// Create a token and print it, once: only its hash is stored
    Create {
        /// What it is for, such as the name of the program
        #[arg(default_value = "unnamed")]
        name: String,
    },
    /// List the tokens, the oldest first
    List,
    /// Revoke a token at once
    Revoke {
        /// Its id, as `list` shows it
        id: uuid::Uuid,
    },
}

/// Arguments of `safety-report`. It takes every setting, since it says what `serve` does with them.
#[derive(Debug, Clone, Args)]
pub struct SafetyReport {
    /// Language of the document: ko or en; if not said, that of LC_ALL or LANG, else English
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Settings, as the server has them.
    #[command(flatten)]
    pub config: Config,
}

/// Arguments of `doctor`. It takes every setting, since it checks what `serve` would do with them.
#[derive(Debug, Clone, Args)]
pub struct Doctor {
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
    /// Only check that the server on this machine answers; print nothing
    #[arg(long, conflicts_with = "json")]
    pub health: bool,
    /// Language of the report: ko or en; if not said, that of LC_ALL or LANG, else English
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// Settings, as the server has them.
    #[command(flatten)]
    pub config: Config,
}
