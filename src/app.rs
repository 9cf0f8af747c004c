//! Wires the parts of the program, and starts and stops them in order.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use ::metrics::Label;
use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{
    backup,
    cli::banner,
    config::{Config, DatabaseConfig, is_https},
    engine::{
        assistant::{self, Assistant},
        breaker,
        budgets::Budgets,
        guides::Guides,
        keyed_locks::KeyedLocks,
        rendered::RenderedAnswers,
        turn::{self, Dependencies, InstanceLease, LeaseConfig, TurnEngine, TurnService},
    },
    http::{self, AppState, pages::PageContext, state},
    lifecycle::Lifecycle,
    live::{self, LiveEvents},
    redis::{self, Redis},
    server::{
        certificates::{self, Certificates},
        connection,
        connections::{self, ConnectionLimits, ShutdownHandle},
        graceful_listener, redirect,
    },
    telemetry::metrics::{self, FractionalCounter, MetricsExporter},
};
use store::{Store, now};

/// How long a request waits for a connection to the database before it is refused.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the last changes of turns may take to reach Redis at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The program, ready to serve.
pub struct App {
    state: AppState,
    store: Store,
    live_events: LiveEvents,
    lease: InstanceLease,
    lifecycle: Lifecycle,
    /// The certificates, if the program itself serves TLS.
    certificates: Option<Certificates>,
}

impl App {
    /// Opens and migrates the database, and wires the parts.
    ///
    /// # Errors
    /// If the settings are invalid or the database can't be opened; the message says what to do.
    pub async fn new(config: Config, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        config.validate()?;
        let certificates = config.tls.is_on().then(|| Certificates::new(&config.tls)).transpose()?;
        let store = open_store(&config.database).await?;
        let assistant = Assistant::new(&config.model)?;
        let budgets = Budgets::load(&store, config.budget_limits(), now());
        let budgets = budgets.await.context("reading what today's calls cost")?;
        let redis = match config.redis() {
            Some(url) => Some(Redis::connect(url).await.context("REDIS_URL can't be used")?),
            None => None,
        };
        let live_events = LiveEvents::new(redis.clone(), turn::REDIS_CHECKS);
        let rendered = RenderedAnswers::new(config.limits.answer_cache_mb.saturating_mul(1024 * 1024));
        let lease = InstanceLease::acquire(store.clone(), LeaseConfig::new(&config, store.engine())).await?;
        let lifecycle = Lifecycle::default();
        let TurnEngine { turns, stateless_slots, guide_slots } = TurnEngine::start(Dependencies {
            store: store.clone(),
            live_events: live_events.clone(),
            redis: redis.clone(),
            assistant: assistant.clone(),
            budgets: budgets.clone(),
            rendered: rendered.clone(),
            lease: lease.clone(),
            lifecycle: lifecycle.clone(),
            max_turns: config.limits.max_turns,
            retention_days: config.retention_days(),
        });
        if let Assistant::Model(client, _) = &assistant {
            if let (Some(redis), Some(server)) = (&redis, config.model.server()) {
                lifecycle.spawn_background(breaker::share(client.clone(), server.to_owned(), redis.clone()));
            }
            let models = config.model.models().cloned().collect();
            lifecycle.spawn_background(assistant::rediscover(client.clone(), models));
        }
        lifecycle.spawn_background(backup::watch(config.backup.backup_url.clone()));
        let guides = Guides::new(
            config.limits.guide_cache,
            store.clone(),
            redis.clone(),
            assistant.clone(),
            budgets.clone(),
            guide_slots,
            lifecycle.clone(),
        );
        let exporter = metrics_exporter(metrics, turns.clone(), store.clone(), live_events.clone(), assistant.clone());
        lifecycle.spawn_background(exporter.clone().run_upkeep());
        let state = AppState::new(state::AppParts {
            limits: http::RateLimits::new(&config.limits, redis.clone()),
            visit_pause: http::VisitPause::default(),
            pages: PageContext {
                practice: assistant.is_practice(),
                static_base: http::assets::base_path(),
                retention_days: config.retention_days(),
            },
            store: store.clone(),
            redis,
            assistant,
            budgets,
            turns,
            stateless_slots,
            lease: lease.clone(),
            lifecycle: lifecycle.clone(),
            rendered,
            creations: KeyedLocks::default(),
            followers: Arc::new(http::Followers::new(&config.limits)),
            guides,
            metrics: exporter,
            started: Instant::now(),
            config,
        });
        Ok(Self { state, store, live_events, lease, lifecycle, certificates })
    }

    /// The program's metrics.
    #[must_use]
    pub fn metrics(&self) -> MetricsExporter {
        self.state.metrics.clone()
    }

    /// The text for the operator at the start of a server at `address`.
    #[must_use]
    pub fn banner(&self, address: &str) -> String {
        banner::text(&self.state.config, &self.store, self.state.redis.as_ref(), address)
    }

    /// Serves on `sockets` until `shutdown` resolves. Then running turns get the grace period to finish, event streams
    /// end, and unfinished turns are marked as interrupted so that they can be retried.
    ///
    /// # Errors
    /// If the listener can't be used.
    pub async fn serve(mut self, sockets: Sockets, shutdown: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let handle = ShutdownHandle::new();
        let certificates = self.certificates.take();
        let tls = certificates.as_ref().map(Certificates::server_config).transpose()?;
        if let Some(certificates) = certificates {
            self.lifecycle.spawn_background(certificates.run());
        }
        let limits = ConnectionLimits {
            idle: self.state.config.idle_timeout(),
            connections: connection::fit_connections(self.state.config.max_connections)
                .context("raising the number of files that may be open")?,
        };
        let serving = connections::run(sockets.main, http::router(self.state.clone()), tls, limits, handle.clone());
        let (redirect_handle, redirecting) = self.redirect(sockets.redirect);
        let ended = async {
            shutdown.await;
            tracing::info!("shutting down");
            let began = Instant::now();
            let grace = self.state.config.shutdown_grace();
            handle.announce();
            self.lifecycle.start_draining();
            self.live_events.leave();
            self.lifecycle.drain(grace).await;
            // Stateless calls are no turns. They have the rest of the grace period and are interrupted then.
            let left = grace.saturating_sub(began.elapsed());
            let lifecycle = self.lifecycle.clone();
            tokio::spawn(async move {
                tokio::time::sleep(left).await;
                lifecycle.stop();
            });
            tokio::join!(handle.close(left), redirect::close(&redirect_handle));
        };
        let (served, redirected, ()) = tokio::join!(serving, redirecting, ended);
        served.and(redirected)?;
        self.lifecycle.finish().await;
        self.live_events.flush(FLUSH_TIMEOUT).await;
        self.lease.release().await;
        self.store.close().await.context("closing the database")
    }

    /// Redirects plain HTTP to the public address, if there are a socket and an address for it.
    fn redirect(
        &self,
        socket: Option<TcpListener>,
    ) -> (ShutdownHandle, impl Future<Output = anyhow::Result<()>> + use<>) {
        let handle = ShutdownHandle::new();
        let base = self.state.config.public_url().filter(|url| is_https(url));
        let redirect = socket.zip(base).map(|(socket, base)| redirect::run(socket, base, handle.clone()));
        (handle, async {
            match redirect {
                Some(redirect) => redirect.await,
                None => Ok(()),
            }
        })
    }
}

/// The sockets that accept requests.
#[derive(Debug)]
pub struct Sockets {
    /// For pages and API.
    pub main: TcpListener,
    /// For plain HTTP, which is redirected to HTTPS.
    pub redirect: Option<TcpListener>,
}

/// Installs the recorder of the program's metrics and describes the metrics of every part.
///
/// # Errors
/// If a recorder is installed already.
pub fn install_metrics() -> anyhow::Result<PrometheusHandle> {
    let handle = metrics::install()?;
    http::describe_metrics();
    turn::describe_metrics();
    llm::describe_metrics();
    store::describe_metrics();
    live::describe_metrics();
    redis::describe_metrics();
    certificates::describe_metrics();
    graceful_listener::describe_metrics();
    backup::describe_metrics();
    Ok(handle)
}

/// The recorded metrics, with the gauges that are set when somebody asks.
fn metrics_exporter(
    recorded: PrometheusHandle,
    turns: TurnService,
    store: Store,
    live_events: LiveEvents,
    assistant: Assistant,
) -> MetricsExporter {
    let read = move || {
        turns.set_gauges();
        store.set_gauges();
        live_events.set_gauges();
        let Assistant::Model(client, _) = &assistant else { return Vec::new() };
        let (name, help) = llm::COST;
        let series = client.spending().into_iter();
        let series = series.map(|(model, dollars)| (vec![Label::new("model", model)], dollars)).collect();
        vec![FractionalCounter { name, help, series }]
    };
    MetricsExporter::new(recorded, Arc::new(read))
}

/// Opens the database and migrates it to this version.
///
/// # Errors
/// If it can't be opened or migrated.
pub async fn open_store(config: &DatabaseConfig) -> anyhow::Result<Store> {
    let mut options = store::Options { acquire_timeout: DATABASE_TIMEOUT, ..store::Options::default() };
    if let Some(pool) = config.database_pool {
        (options.postgres_connections, options.sqlite_readers) = (pool, pool);
    }
    Store::open_with(config.url(), options)
        .await
        .context("the database can't be opened; check DATABASE_URL, and that the folder may be written to")
}
