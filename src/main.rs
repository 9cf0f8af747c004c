//! The `llm-classroom` program: reads settings, says what it does, and serves.

use std::{process::ExitCode, time::Duration};

use domain::Locale;
use llm_classroom::{
    app::{self, App, Sockets},
    cli::{backup, migrate, output::print},
    config::{self, Cli, Command, Config, Doctor, DoctorArgs, Migrate},
    doctor::{self, Finding, report},
    http,
    server::{listen, systemd},
    telemetry,
};
use secrecy::ExposeSecret as _;
use store::DatabaseLock;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    // Before any thread starts: it changes the environment.
    let read = config::load().map_err(anyhow::Error::msg).and_then(|()| Ok(Cli::read()?));
    let result = match (read, DoctorArgs::read()) {
        (Ok(cli), _) => run_command(cli),
        // Invalid settings are a finding of `doctor`.
        (Err(error), Some(asked)) => report(&[doctor::refused(error)], asked.json, asked.language.as_deref()),
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
        None => serve(cli.config),
        Some(Command::Serve(config)) => serve(*config),
        Some(Command::Migrate(args)) => migrate(&args),
        Some(Command::Doctor(args)) => run_doctor(&args),
        Some(Command::Backup(args)) => run_backup_command(&args.config, backup::backup(&args)),
        Some(Command::Restore(args)) => run_backup_command(&args.config, backup::restore(&args)),
        Some(Command::Openapi) => openapi(),
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    config.validate()?;
    let telemetry_guard = telemetry::init(&config)?;
    let served = runtime()?.block_on(serve_until_signal(config));
    telemetry_guard.end(served.as_ref().err());
    served
}

async fn serve_until_signal(config: Config) -> anyhow::Result<()> {
    let mut shutdown_signal = Box::pin(shutdown_signal()?);
    let metrics = app::install_metrics()?;
    // Before the database is touched: a second process on the same port, or for the same SQLite file, ends here and
    // disturbs no running answer.
    let Listeners { sockets, are_passed } = listeners(&config)?;
    let starting = async {
        let lock = lock_database(&config, are_passed).await?;
        let metrics_listener =
            config.metrics_addr.map(|at| listen::bind(at.ip(), at.port(), "METRICS_ADDR")).transpose()?;
        anyhow::Ok((lock, metrics_listener, App::new(config.clone(), metrics).await?))
    };
    let (_lock, metrics_listener, app) = tokio::select! {
        started = starting => started?,
        // It may wait for a database that others hold.
        () = &mut shutdown_signal => return Ok(()),
    };
    let address = match config.public_url().filter(|_| config.tls.is_on()) {
        Some(url) => url.into_owned(),
        None => format!("http://{}", sockets.main.local_addr()?),
    };
    print(&app.banner(&address))?;
    if let Some(listener) = metrics_listener {
        tokio::spawn(http::serve_metrics(listener, app.metrics())?);
    }
    systemd::ready(&address);
    tokio::spawn(systemd::live());
    app.serve(sockets, shutdown_signal).await
}

/// How long the process that systemd stops for this one may take to end; more than `TimeoutStopSec=` in its unit.
/// Requests wait in the sockets that systemd holds.
const PREDECESSOR_TIMEOUT: Duration = Duration::from_secs(60);

/// Locks the SQLite database for as long as this process serves it. Where systemd holds the sockets, the process before
/// this one may still be ending; a process that was started by hand fails at once.
async fn lock_database(config: &Config, are_sockets_passed: bool) -> anyhow::Result<Option<DatabaseLock>> {
    let timeout = if are_sockets_passed { PREDECESSOR_TIMEOUT } else { Duration::ZERO };
    let purpose = format!("serve, port {}", config.app_port);
    Ok(DatabaseLock::acquire(config.database_url.expose_secret(), &purpose, timeout).await?)
}

struct Listeners {
    sockets: Sockets,
    /// Whether systemd passed the one for pages and API.
    are_passed: bool,
}

/// Opens the sockets that the settings name where systemd passed none.
fn listeners(config: &Config) -> anyhow::Result<Listeners> {
    let received = listen::SystemdSockets::take()?;
    if let Some(address) = received.main.as_ref().and_then(|socket| socket.local_addr().ok())
        && address.port() != config.app_port
    {
        tracing::warn!(
            %address, APP_PORT = config.app_port,
            "systemd's socket decides where the program listens; change it with systemctl edit llm-classroom.socket, too"
        );
    }
    let are_passed = received.main.is_some();
    let sockets = Sockets {
        main: received.main.map_or_else(|| listen::bind(config.app_host, config.app_port, "APP_PORT"), Ok)?,
        redirect: match (received.redirect, config.tls.http_redirect_addr) {
            (None, Some(address)) => Some(listen::bind(address.ip(), address.port(), "HTTP_REDIRECT_ADDR")?),
            (received, _) => received,
        },
    };
    Ok(Listeners { sockets, are_passed })
}

fn migrate(args: &Migrate) -> anyhow::Result<()> {
    let config = &args.config;
    if let Some((from, to)) = args.places().unwrap_or_else(|error| error.exit()) {
        let telemetry_guard = telemetry::init(config)?;
        let moved = runtime()?.block_on(migrate::move_data(from, to));
        telemetry_guard.end(moved.as_ref().err());
        return moved;
    }
    config.validate()?;
    let telemetry_guard = telemetry::init(config)?;
    let migrated = runtime()?.block_on(async { anyhow::Ok(app::open_store(config).await?.close().await?) });
    telemetry_guard.end(migrated.as_ref().err());
    migrated?;
    Ok(print("The database is at this version.")?)
}

/// Runs a command whose result is printed, with only warnings and errors in the log.
fn run_backup_command(config: &Config, work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    config.validate()?;
    let quiet = Config { rust_log: "warn".to_owned(), ..config.clone() };
    let telemetry_guard = telemetry::init(&quiet)?;
    let done = runtime()?.block_on(work);
    telemetry_guard.end(done.as_ref().err());
    done
}

/// Prints the report. The exit code says whether everything works.
fn run_doctor(args: &Doctor) -> anyhow::Result<()> {
    let runtime = runtime()?;
    if args.health {
        anyhow::ensure!(
            runtime.block_on(doctor::is_healthy(&args.config)),
            "the server on this machine doesn't answer"
        );
        return Ok(());
    }
    let findings = runtime.block_on(doctor::examine(&args.config));
    report(&findings, args.json, args.language.as_deref())
}

fn report(findings: &[Finding], as_json: bool, asked: Option<&str>) -> anyhow::Result<()> {
    let locale = language(asked);
    print(&if as_json { report::json(findings, locale) } else { report::text(findings, locale) })?;
    if !report::is_well(findings) {
        std::process::exit(1);
    }
    Ok(())
}

/// The language that was asked for, or the terminal's; English where that is none of ours.
fn language(asked: Option<&str>) -> Locale {
    let of_terminal = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok());
    asked.map(str::to_owned).or(of_terminal).and_then(|tag| Locale::from_tag(&tag)).unwrap_or(Locale::En)
}

/// Threads with four times the usual stack: formulas are converted by a library that calls itself for each level, and
/// an overflow would end the program. Only what is used of a stack takes memory.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_stack_size(8 * 1024 * 1024).build()
}

fn openapi() -> anyhow::Result<()> {
    Ok(print(&http::openapi().to_pretty_json()?)?)
}

/// Resolves at Ctrl-C, or at SIGTERM as systemd and containers send it. They are caught from the call on, so that no
/// signal ends the program the hard way while it starts.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // A file that reaches the limit of its size (`ulimit -f`) fails to be written, as on a full disk, and ends nothing.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        systemd::stopping();
    })
}
