//! Wires the parts together, and lets them start and end in the right order.

use std::{
    net::TcpListener,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backup,
    config::{Config, ModelConfig, ModelPrice},
    engine::{
        assistant::{Assistant, GenerationParams},
        breaker,
        budget::{Budget, day_start},
        guides::Guides,
        keyed_locks::KeyedLocks,
        rendered::RenderedAnswers,
        turn::{
            self, LeaseConfig,
            engine::{Engine, Setup},
        },
    },
    http::{self, AppState, pages::PageContext, state},
    live::{self, Bus},
    redis::{self, Redis},
    server::{
        certificates::{self, Certificates},
        connection,
        connections::{self, ConnectionLimits, ShutdownHandle},
        graceful_listener, redirect,
    },
    telemetry::metrics::{self, FractionalCounter, MetricsExporter},
};
use store::{LeaseMode, Store, now};

/// How long a request waits for a connection to the database before it's told to come back.
const DATABASE_PATIENCE: Duration = Duration::from_secs(3);

/// The program, ready to serve.
pub struct App {
    state: AppState,
    store: Store,
    /// Those to serve with, where the program speaks TLS itself.
    certificates: Option<Certificates>,
    /// What isn't a turn's and must end before the program does.
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl App {
    /// Opens the database, brings it to this version, and puts the parts together.
    ///
    /// # Errors
    /// When the settings can't work or the database can't be opened, with what to do about it.
    pub async fn new(config: Config, metrics: PrometheusHandle) -> anyhow::Result<Self> {
        config.validate()?;
        let certificates = config.tls.is_on().then(|| Certificates::new(&config.tls)).transpose()?;
        let store = open_store(&config).await?;
        let assistant = assistant(&config.model)?;
        let spent = store.tokens_since(day_start(now())).await.context("reading what today's calls cost")?;
        let budget = Arc::new(Budget::new(config.limits.daily_token_budget, now(), spent));

        let shared = match config.redis() {
            Some(url) => Some(Redis::connect(url).await.context("REDIS_URL can't be used")?),
            None => None,
        };
        let bus = Bus::new(shared.clone(), turn::REDIS_CHECKS);
        let rendered = RenderedAnswers::new(config.limits.answer_cache_mb.saturating_mul(1024 * 1024));
        let engine = Engine::start(Setup {
            store: store.clone(),
            bus: bus.clone(),
            shared: shared.clone(),
            assistant: assistant.clone(),
            budget: budget.clone(),
            rendered: rendered.clone(),
            lease_config: lease_config(&config, store.engine()),
            max_turns: config.limits.max_turns,
        })
        .await?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        if let (Assistant::Model(client, _), Some(shared), Some(server)) = (&assistant, &shared, config.model.server())
        {
            let (client, shared, stop, server) = (client.clone(), shared.clone(), stop.clone(), server.to_owned());
            tasks.spawn(async move { breaker::share(client, &server, shared, stop).await });
        }
        if let Assistant::Model(client, _) = &assistant {
            let models = config.model.models().cloned().collect();
            tasks.spawn(discover(client.clone(), models, stop.clone()));
        }
        tasks.spawn(backup::watch(config.backup.backup_url.clone(), stop.clone()));
        let guides = Guides::new(
            config.limits.guide_cache,
            store.clone(),
            shared.clone(),
            assistant.clone(),
            budget.clone(),
            engine.clone(),
            tasks.clone(),
            stop.clone(),
        );
        let exporter = metrics_exporter(metrics, engine.clone(), store.clone(), bus, assistant.clone());
        tasks.spawn(exporter.clone().run_upkeep(stop.clone()));
        let state = AppState::new(state::AppParts {
            limits: http::RateLimits::new(&config.limits, shared.clone()),
            visit_pause: http::VisitPause::default(),
            pages: PageContext { practice: assistant.is_practice(), static_base: http::assets::base_path() },
            store: store.clone(),
            redis: shared,
            assistant,
            budget,
            engine,
            rendered,
            creations: KeyedLocks::default(),
            followers: Arc::new(http::Followers::new(&config.limits)),
            guides,
            metrics: exporter,
            started: Instant::now(),
            config,
        });
        Ok(Self { state, store, certificates, tasks, stop })
    }

    /// The program's metrics.
    #[must_use]
    pub fn metrics(&self) -> MetricsExporter {
        self.state.metrics.clone()
    }

    /// What an operator wants to know at the start: where, what is kept, who answers.
    #[must_use]
    pub fn banner(&self, address: &str) -> String {
        let config = &self.state.config;
        let answers = match config.model.server() {
            Some(server) => format!("{} at {server}", config.model.openai_model),
            None => "the practice partner, since no model is connected\n            \
                to connect one, set OPENAI_API_KEY, or OPENAI_BASE_URL and OPENAI_MODEL for a server of your own\n            \
                (Ollama: OPENAI_BASE_URL=http://127.0.0.1:11434/v1 OPENAI_MODEL=gemma3), in .env or the environment"
                .to_owned(),
        };
        let certificates = match config.tls.is_on() {
            true => format!(
                "\n            with certificates of {}, ordered and renewed by themselves",
                certificates::authority(&config.tls)
            ),
            false => String::new(),
        };
        let instances = match (&self.state.redis, self.store.engine()) {
            (Some(shared), _) => format!("\n  instances any number, sharing {}", shared.describe()),
            (None, store::DatabaseEngine::Postgres) => {
                "\n  instances this one only, since REDIS_URL is not set; with it any number serve together".to_owned()
            }
            (None, store::DatabaseEngine::Sqlite) => String::new(),
        };
        format!(
            "LLM Classroom {}\n  open      {address}{certificates}\n  database  {}{instances}\n  answers   {answers}",
            env!("CARGO_PKG_VERSION"),
            self.store.describe(),
        )
    }

    /// Serves on `sockets` until `shutdown` resolves, then ends well: running answers get their grace, streams are
    /// told, and what isn't finished is marked so that it can be tried again.
    ///
    /// # Errors
    /// When the listener can't be used.
    pub async fn serve(mut self, sockets: Sockets, shutdown: impl Future<Output = ()> + Send) -> anyhow::Result<()> {
        let handle = ShutdownHandle::new();
        let certificates = self.certificates.take();
        let tls = certificates.as_ref().map(Certificates::server_config).transpose()?;
        if let Some(certificates) = certificates {
            self.tasks.spawn(certificates.run(self.stop.clone()));
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
            self.state.engine.drain(grace).await;
            self.stop.cancel();
            self.tasks.close();
            self.tasks.wait().await;
            // Calls that carry their own conversation are no turns; they have what is left of the grace, and are then told.
            let left = grace.saturating_sub(began.elapsed());
            let engine = self.state.engine.clone();
            tokio::spawn(async move {
                tokio::time::sleep(left).await;
                engine.stop();
            });
            tokio::join!(handle.close(left), redirect::close(&redirect_handle));
        };
        let (served, redirected, ()) = tokio::join!(serving, redirecting, ended);
        served.and(redirected)?;
        self.state.engine.leave().await;
        self.store.close().await.context("closing the database")
    }

    /// Sends plain HTTP on to the public address, if there is one and somebody comes in plain.
    fn redirect(
        &self,
        socket: Option<TcpListener>,
    ) -> (ShutdownHandle, impl Future<Output = anyhow::Result<()>> + use<>) {
        let handle = ShutdownHandle::new();
        let base = self.state.config.public_url().filter(|url| url.starts_with("https://"));
        let redirect = socket.zip(base).map(|(socket, base)| redirect::run(socket, base.into_owned(), handle.clone()));
        (handle, async {
            match redirect {
                Some(redirect) => redirect.await,
                None => Ok(()),
            }
        })
    }
}

/// Where requests come in.
#[derive(Debug)]
pub struct Sockets {
    /// For pages and API.
    pub main: TcpListener,
    /// For plain HTTP that is sent on to HTTPS.
    pub redirect: Option<TcpListener>,
}

/// Installs the recorder of the program's metrics, and lets every part say what it counts.
///
/// # Errors
/// When one is installed already.
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

/// What was recorded, and how what stands at a moment is read.
fn metrics_exporter(
    recorded: PrometheusHandle,
    engine: Engine,
    store: Store,
    bus: Bus,
    assistant: Assistant,
) -> MetricsExporter {
    let read = move || {
        engine.set_gauges();
        store.set_gauges();
        bus.set_gauges();
        let Assistant::Model(client, _) = &assistant else { return Vec::new() };
        vec![FractionalCounter { name: llm::COST.0, help: llm::COST.1, label: "model", values: client.spending() }]
    };
    MetricsExporter::new(recorded, Arc::new(read))
}

/// Opens the database and brings it to this version.
///
/// # Errors
/// When it can't be opened or migrated.
pub async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let mut options = store::Options { acquire_timeout: DATABASE_PATIENCE, ..store::Options::default() };
    if let Some(pool) = config.database_pool {
        (options.postgres_connections, options.sqlite_readers) = (pool, pool);
    }
    Store::open_with(config.database_url.expose_secret(), options)
        .await
        .context("the database can't be opened; check DATABASE_URL, and that the folder may be written to")
}

/// How long a lease on PostgreSQL lasts without renewal.
pub const POSTGRES_LEASE_LIFETIME: Duration = Duration::from_secs(5);

/// How this instance holds its lease. SQLite is one machine's: a process that holds its lock ([`store::DatabaseLock`])
/// succeeds the one before, and renewing a lease costs a write to disk, so that is seldom. On PostgreSQL an instance that died has to be found soon.
fn lease_config(config: &Config, engine: store::DatabaseEngine) -> LeaseConfig {
    let seconds = Duration::from_secs;
    let (mode, lifetime, renewal_interval) = match (engine, config.redis()) {
        (store::DatabaseEngine::Sqlite, _) => (LeaseMode::TakeOver, seconds(30), seconds(10)),
        (store::DatabaseEngine::Postgres, None) => (LeaseMode::Exclusive, POSTGRES_LEASE_LIFETIME, seconds(1)),
        (store::DatabaseEngine::Postgres, Some(_)) => (LeaseMode::Shared, POSTGRES_LEASE_LIFETIME, seconds(1)),
    };
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let holder = format!("{} at port {}, process {}", host.trim(), config.app_port, std::process::id());
    LeaseConfig { holder, mode, lifetime, renewal_interval }
}

/// How often the model server is asked what it tells of itself: more often than that is forgotten.
const REDISCOVERY: Duration = Duration::from_secs(30 * 60);

/// Asks the model server what it tells of itself until it can be reached, and again when it may be another one.
async fn discover(client: llm::Client, models: Vec<String>, stop: CancellationToken) {
    let discover = async {
        loop {
            let mut pauses = [1, 5, 30].into_iter().chain(std::iter::repeat(120)).map(Duration::from_secs);
            while !client.discover(&models).await {
                tokio::time::sleep(pauses.next().unwrap_or_default()).await;
            }
            // A server that was started anew may have another window, and need not show it otherwise.
            let _ = tokio::time::timeout(REDISCOVERY, client.server_changed()).await;
        }
    };
    stop.run_until_cancelled(discover).await;
}

/// Who answers, as the settings say.
///
/// # Errors
/// When the model server's settings can't work.
pub fn assistant(config: &ModelConfig) -> anyhow::Result<Assistant> {
    let Some(base_url) = config.server() else { return Ok(Assistant::Practice) };
    let seconds = Duration::from_secs_f64;
    let prices = config.model_prices.iter().map(|price| {
        let &ModelPrice { input, output, cached, .. } = price;
        (price.model.clone(), llm::Price { input, cached, output })
    });
    for model in config.models().filter(|model| !config.model_prices.iter().any(|price| price.model == **model)) {
        tracing::info!(model, "MODEL_PRICES names no price for this model, so its cost is not counted");
    }
    let client = llm::Client::new(llm::Settings {
        key: config.key(),
        fallbacks: config.openai_fallback_models.clone(),
        prices: prices.collect(),
        window: Some(config.model_context_tokens).filter(|tokens| *tokens > 0),
        slots: Some(config.model_slots).filter(|slots| *slots > 0),
        connect_timeout: seconds(config.connect_timeout_seconds),
        first_token_timeout: seconds(config.first_token_seconds()),
        idle_timeout: seconds(config.idle_timeout_seconds),
        total_timeout: seconds(config.answer_seconds()),
        retries: config.model_retries,
        breaker_failures: config.breaker_failures,
        breaker_cooldown: seconds(config.breaker_cooldown_seconds),
        ..llm::Settings::new(base_url, &config.openai_model)
    })
    .context("the model server can't be used; check OPENAI_BASE_URL and OPENAI_API_KEY")?;
    let style = GenerationParams {
        answer_tokens: config.answer_max_tokens,
        feedback_tokens: config.feedback_max_tokens,
        history_tokens: config.history_max_tokens,
        temperature: config.temperature,
    };
    Ok(Assistant::Model(client, style))
}
