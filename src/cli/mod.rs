//! The commands of the program. They read settings and print results; their work is in other modules.

mod backup;
pub(crate) mod banner;
mod doctor;
mod migrate;
mod output;
mod serve;
mod token;

use std::{io, process::ExitCode};

use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

use crate::{
    config::{self, BackupCommandConfig, Cli, Command, DoctorArgs, SafetyReport, TelemetryConfig},
    http, telemetry,
};
use output::print;

/// Runs the command that the arguments name; the exit code of the program.
pub fn run() -> ExitCode {
    llm::install_crypto_provider();
    // Before any thread starts: it changes the environment.
    let read = config::load().map_err(anyhow::Error::msg).and_then(|()| Ok(Cli::read()?));
    let result = match (read, DoctorArgs::read()) {
        (Ok(cli), _) => run_command(cli),
        // Invalid settings are a finding of `doctor`.
        (Err(error), Some(asked)) => {
            doctor::report(&[crate::doctor::refused(error)], asked.json, asked.language.as_deref())
        }
        (Err(error), None) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => serve::serve(cli.config),
        Some(Command::Serve(config)) => serve::serve(*config),
        Some(Command::Migrate(args)) => migrate::migrate(&args),
        Some(Command::Doctor(args)) => doctor::run(&args),
        Some(Command::Backup(args)) => run_backup_command(&args.config, backup::backup(&args)),
        Some(Command::Restore(args)) => run_backup_command(&args.config, backup::restore(&args)),
        Some(Command::Token(args)) => token::token(&args),
        Some(Command::SafetyReport(args)) => safety_report(&args),
        Some(Command::Openapi) => openapi(),
    }
}

/// Runs a command whose result is printed, with only warnings and errors in the log.
fn run_backup_command(
    config: &BackupCommandConfig,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    config.database.validate()?;
    let quiet = TelemetryConfig { rust_log: "warn".to_owned(), ..config.telemetry.clone() };
    let telemetry_guard = telemetry::init(&quiet)?;
    let done = runtime()?.block_on(work);
    telemetry_guard.end(done.as_ref().err());
    done
}

/// Threads with four times the default stack: the library that converts formulas recurses once per level, and a stack
/// overflow would end the program. Unused stack takes no memory.
fn runtime() -> io::Result<Runtime> {
    Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build()
}

fn safety_report(args: &SafetyReport) -> anyhow::Result<()> {
    args.config.validate()?;
    let locale = doctor::language(args.language.as_deref());
    Ok(print(crate::safety_report::write(&args.config, locale, OffsetDateTime::now_utc()).trim_end())?)
}

fn openapi() -> anyhow::Result<()> {
    Ok(print(&http::openapi().to_pretty_json()?)?)
}
