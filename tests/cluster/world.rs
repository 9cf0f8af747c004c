//! Three instances with everything around them.

use std::{
    fs,
    sync::{Arc, LazyLock},
};

use llm_classroom::engine::turn::POSTGRES_LEASE_LIFETIME;
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::support::{
    eventually,
    nginx::Nginx,
    openai::FakeOpenAi,
    postgres::Server as Postgres,
    process::Process,
    redis::{RedisServer, lasting_port},
    student::{Student, http_client},
};

/// How many instances there are. The configuration of nginx names as many.
pub const INSTANCES: usize = 3;

/// Scenarios are sensitive to time, so one runs at a time.
static ONE_AT_A_TIME: LazyLock<Arc<Mutex<()>>> = LazyLock::new(Arc::default);

/// Waits until no other scenario runs. None begins until the guard is dropped.
pub async fn lock_scenario() -> OwnedMutexGuard<()> {
    ONE_AT_A_TIME.clone().lock_owned().await
}

/// A running cluster. Dropping it ends everything in it.
pub struct Cluster {
    pub openai: FakeOpenAi,
    pub redis: RedisServer,
    pub postgres: Postgres,
    instances: [Option<Process>; INSTANCES],
    /// The instances' ports and, last, nginx's.
    ports: [u16; INSTANCES + 1],
    _nginx: Nginx,
    database_url: String,
    settings: Vec<(String, String)>,
    folder: TempDir,
    http: reqwest::Client,
    _turn: OwnedMutexGuard<()>,
}

impl Cluster {
    /// With these settings over the usual ones.
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let turn = lock_scenario().await;
        let openai = FakeOpenAi::start().await;
        // Starting servers blocks.
        let (postgres, redis) =
            tokio::task::spawn_blocking(|| (Postgres::start(), RedisServer::start())).await.unwrap();
        let database_url = postgres.database();
        let usual = [
            ("DATABASE_URL", database_url.as_str()),
            ("REDIS_URL", &redis.url()),
            ("OPENAI_BASE_URL", &openai.base_url()),
            ("OPENAI_API_KEY", "sk-test-0123456789"),
            ("MODEL_RETRIES", "0"),
            ("IDLE_TIMEOUT_SECONDS", "60"),
            ("FIRST_TOKEN_TIMEOUT_SECONDS", "60"),
            ("RATE_LIMIT", "off"),
            ("MAX_TURNS", "5000"),
            ("TRUSTED_PROXIES", "127.0.0.1"),
            ("RUST_LOG", "info,sqlx=warn,memory_serve=warn"),
        ];
        // The last of two settings of one name counts.
        let settings: Vec<(String, String)> =
            usual.iter().chain(settings).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let folder = tempfile::Builder::new().prefix("cluster-").tempdir().unwrap();
        let ports: [u16; INSTANCES + 1] = std::array::from_fn(|_| lasting_port());
        let port = ports[INSTANCES];
        let mut config = include_str!("nginx.conf").replace("$PORT", &port.to_string());
        for (name, port) in ["$A", "$B", "$C"].iter().zip(&ports) {
            config = config.replace(&format!("{name} "), &format!("{port} "));
        }
        let nginx = Nginx::start(folder.path(), &config);
        let mut cluster = Self {
            openai,
            redis,
            postgres,
            instances: [const { None }; INSTANCES],
            ports,
            _nginx: nginx,
            database_url,
            settings,
            folder,
            http: http_client(),
            _turn: turn,
        };
        // All at once: they have to agree on who migrates.
        std::thread::scope(|scope| {
            let starting: Vec<_> = (0..INSTANCES)
                .map(|number| {
                    scope.spawn({
                        let cluster = &cluster;
                        move || cluster.process(number)
                    })
                })
                .collect();
            starting.into_iter().map(|starting| starting.join().unwrap()).collect::<Vec<_>>()
        })
        .into_iter()
        .enumerate()
        .for_each(|(number, process)| cluster.instances[number] = Some(process));
        cluster
    }

    fn process(&self, number: usize) -> Process {
        let folder = self.folder.path().join(number.to_string());
        fs::create_dir_all(&folder).unwrap();
        let port = self.ports[number].to_string();
        let settings = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let settings: Vec<(&str, &str)> = settings.chain([("APP_PORT", port.as_str())]).collect();
        Process::start(&folder, &settings)
    }

    /// Starts an instance that has ended.
    pub fn start_again(&mut self, number: usize) {
        self.instances[number] = Some(self.process(number));
    }

    /// `kill -9`.
    pub fn kill(&mut self, number: usize) {
        self.instances[number].take().expect("it runs").kill();
    }

    /// SIGTERM.
    pub fn terminate(&self, number: usize) {
        self.instances[number].as_ref().expect("it runs").terminate();
    }

    /// Sends an instance a signal, by its name.
    pub fn signal(&self, number: usize, name: &str) {
        self.instances[number].as_ref().expect("it runs").signal(name);
    }

    /// Waits until it has ended well.
    pub async fn ended(&mut self, number: usize) {
        let status = self.instances[number].take().expect("it runs").ended().await;
        assert!(status.success(), "{status}: {}", self.log(number));
    }

    /// An instance's address.
    pub fn url(&self, number: usize) -> String {
        format!("http://127.0.0.1:{}", self.ports[number])
    }

    /// All addresses: nginx's first, then each instance's.
    pub fn urls(&self) -> Vec<String> {
        std::iter::once(self.front()).chain((0..INSTANCES).map(|number| self.url(number))).collect()
    }

    /// Nginx's address.
    pub fn front(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[INSTANCES])
    }

    /// A browser that was never here, in front of nginx.
    pub fn student(&self) -> Student {
        Student::new(self.http.clone(), self.front())
    }

    /// A browser in front of one instance.
    pub fn student_at(&self, number: usize) -> Student {
        Student::new(self.http.clone(), self.url(number))
    }

    /// An instance's `/ready`.
    pub async fn ready(&self, number: usize) -> Value {
        self.student_at(number).get("/ready").await.json()
    }

    /// Waits until a field of an instance's `/ready` has this value.
    pub async fn until_ready_says(&self, number: usize, field: &str, wanted: &str) {
        eventually(&format!("{field} {wanted} at instance {number}"), async || {
            (self.ready(number).await[field] == wanted).then_some(())
        })
        .await;
    }

    /// What an instance logged.
    pub fn log(&self, number: usize) -> String {
        fs::read_to_string(self.folder.path().join(number.to_string()).join("log")).unwrap_or_default()
    }

    /// Waits until every instance has renewed its lease for a whole lifetime, after which it may expire others.
    pub async fn until_instances_may_expire_others(&self) {
        let lifetime = POSTGRES_LEASE_LIFETIME.as_millis();
        let renewed = format!("SELECT id FROM leases WHERE expires_at >= taken_at + 2 * {lifetime}");
        let database = sea_orm::Database::connect(&self.database_url).await.unwrap();
        eventually("renewals for a whole lifetime", async || {
            let renewed = database.query_all_raw(Statement::from_string(DbBackend::Postgres, &renewed)).await.unwrap();
            (renewed.len() == INSTANCES).then_some(())
        })
        .await;
        database.close().await.unwrap();
    }
}
