//! The command `serve`.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use store::DatabaseLock;

use super::{output::print, runtime};
use crate::{
    app::{self, App, Sockets},
    config::Config,
    http,
    server::{listen, systemd},
    telemetry,
};

/// Serves until a signal ends the program.
pub(super) fn serve(config: Config) -> anyhow::Result<()> {
    config.validate()?;
    let telemetry_guard = telemetry::init(&config.telemetry)?;
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
        // It may wait for a database that another process has locked.
        () = &mut shutdown_signal => return Ok(()),
    };
    let address = match config.public_url().filter(|_| config.tls.is_on()) {
        Some(url) => url,
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

/// Locks the SQLite database for as long as this process serves it. Where systemd holds the sockets, the previous
/// process may still be ending, so it waits; without them it fails at once.
async fn lock_database(config: &Config, are_sockets_passed: bool) -> anyhow::Result<Option<DatabaseLock>> {
    let timeout = if are_sockets_passed { PREDECESSOR_TIMEOUT } else { Duration::ZERO };
    let purpose = format!("serve, port {}", config.app_port);
    Ok(DatabaseLock::acquire(config.database.url(), &purpose, timeout).await?)
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

/// Resolves at Ctrl-C, or at SIGTERM as systemd and containers send it. They are caught from the call on, so that no
/// signal kills the program while it starts.
fn shutdown_signal() -> std::io::Result<impl Future<Output = ()> + Send> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // Without a handler SIGXFSZ, sent when a file reaches its size limit (`ulimit -f`), would end the program. With one, the
    // write fails as on a full disk.
    drop(signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        systemd::stopping();
    })
}
