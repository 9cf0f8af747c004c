//! The `llm-classroom` program: reads settings, says what it does, and serves.

use std::{io::IsTerminal as _, net::TcpListener, process::ExitCode};

use anyhow::Context;
use clap::Parser;
use llm_classroom::{
    app::{self, App},
    config::{Cli, Command, Config, LogFormat, Migrate},
    http, moving, observe,
};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Before any thread starts: it changes the environment.
    if let Err(error) = dotenvy::dotenv()
        && !error.not_found()
    {
        eprintln!("error: the file .env can't be read: {error}");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    let done = match cli.command {
        None => serve(cli.config),
        Some(Command::Serve(config)) => serve(*config),
        Some(Command::Migrate(told)) => migrate(&told),
        Some(Command::Openapi) => openapi(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    config.validate()?;
    log(&config)?;
    runtime()?.block_on(serve_until_told(config))
}

async fn serve_until_told(config: Config) -> anyhow::Result<()> {
    let app = App::new(config.clone(), observe::metrics::install()?).await?;
    let listener = TcpListener::bind((config.app_host, config.app_port)).with_context(|| {
        format!(
            "{}:{} can't be listened on; is the program running already? APP_PORT chooses another port",
            config.app_host, config.app_port
        )
    })?;
    println!("{}", app.banner(listener.local_addr()?));
    if let Some(address) = config.metrics_addr {
        let figures = app.figures();
        tokio::spawn(async move {
            if let Err(error) = http::serve_metrics(address, figures).await {
                tracing::error!(%error, "metrics are not served; check METRICS_ADDR");
            }
        });
    }
    app.serve(listener, told_to_end()).await
}

fn migrate(told: &Migrate) -> anyhow::Result<()> {
    let config = &told.config;
    if let Some((from, to)) = told.places().unwrap_or_else(|error| error.exit()) {
        log(config)?;
        return runtime()?.block_on(moving::move_school(from, to));
    }
    config.validate()?;
    log(config)?;
    runtime()?.block_on(async { anyhow::Ok(app::open_store(config).await?.close().await?) })?;
    println!("The database is at this version.");
    Ok(())
}

/// Threads with four times the usual stack: formulas are converted by a library that calls itself for each level, and
/// an overflow would end the program. Only what is used of a stack takes memory.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build()
}

fn openapi() -> anyhow::Result<()> {
    println!("{}", http::api::docs::document().to_pretty_json()?);
    Ok(())
}

/// Ctrl-C, or SIGTERM as systemd and containers send it.
async fn told_to_end() {
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => {
                signal.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn log(config: &Config) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.rust_log).context("RUST_LOG can't be read; try info")?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match config.log_format {
        LogFormat::Text => builder.init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
