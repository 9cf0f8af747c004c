//! The real program on a port of its own, with a database of its own and a model server of ours.

use std::{
    net::{SocketAddr, TcpListener},
    sync::OnceLock,
};

use clap::{CommandFactory, FromArgMatches, builder::Resettable};
use llm_classroom::{
    app::{self, App, Sockets},
    config::{Cli, Config},
};
use metrics_exporter_prometheus::PrometheusHandle;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use store::Store;
use tempfile::TempDir;
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    task::JoinHandle,
};

use super::{
    openai::{FakeOpenAi, Purpose},
    postgres::fresh_database,
    soon,
    student::{Student, http_client},
};

/// A running program. Dropping it kills it.
pub struct TestApp {
    /// The model server. In practice mode nobody may call it.
    pub openai: FakeOpenAi,
    pub address: SocketAddr,
    flags: Vec<String>,
    database_url: String,
    http: reqwest::Client,
    /// A separate runtime: it ends with all of its tasks, and it runs while the test's own runtime is busy.
    runtime: Option<Runtime>,
    shutdown: Option<oneshot::Sender<()>>,
    served: Option<JoinHandle<anyhow::Result<()>>>,
    folder: TempDir,
}

impl TestApp {
    /// With a model connected. A call that fails is not tried again, so that tests needn't wait.
    pub async fn start() -> Self {
        Self::with(&[]).await
    }

    /// As [`Self::start`], with these flags over the usual ones.
    pub async fn with(flags: &[&str]) -> Self {
        let openai = FakeOpenAi::start().await;
        let base_url = openai.base_url();
        let model = ["--openai-base-url", &base_url, "--openai-api-key", KEY, "--model-retries", "0"];
        Self::run(TempDir::new().unwrap(), openai, &[&model, flags].concat()).await
    }

    /// With a model connected and an empty PostgreSQL instead of SQLite.
    pub async fn on_postgresql() -> Self {
        // Starting the server blocks.
        let database = tokio::task::spawn_blocking(fresh_database).await.unwrap();
        Self::with(&["--database-url", &database]).await
    }

    /// With no model connected.
    pub async fn practice() -> Self {
        Self::practice_with(&[]).await
    }

    /// As [`Self::practice`], with these flags over the usual ones.
    pub async fn practice_with(flags: &[&str]) -> Self {
        Self::run(TempDir::new().unwrap(), FakeOpenAi::start().await, flags).await
    }

    async fn run(folder: TempDir, openai: FakeOpenAi, flags: &[&str]) -> Self {
        let database = format!("sqlite://{}", folder.path().join("test.db").display());
        let config = config(&[&["--database-url", &database, "--rate-limit", "off"], flags].concat());
        let database_url = config.database.url().to_owned();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (shutdown, requested) = oneshot::channel();
        let app = runtime.spawn(App::new(config, metrics())).await.unwrap().unwrap();
        let served =
            runtime.spawn(app.serve(Sockets { main: listener, redirect: None }, async move { _ = requested.await }));
        Self {
            flags: flags.iter().map(ToString::to_string).collect(),
            database_url,
            openai,
            address,
            http: http_client(),
            runtime: Some(runtime),
            shutdown: Some(shutdown),
            served: Some(served),
            folder,
        }
    }

    /// Shuts the program down and starts it again, with the same settings, database and model server.
    pub async fn restarted(mut self) -> Self {
        self.start_shutdown();
        self.ended().await;
        let folder = std::mem::replace(&mut self.folder, TempDir::new().unwrap());
        let openai = std::mem::replace(&mut self.openai, FakeOpenAi::start().await);
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        Self::run(folder, openai, &flags).await
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A browser that was never here before.
    pub fn student(&self) -> Student {
        Student::new(self.http.clone(), self.url())
    }

    /// Starts the program's shutdown.
    pub fn start_shutdown(&mut self) {
        _ = self.shutdown.take().expect("it is shut down once").send(());
    }

    /// Waits until the program has ended without an error.
    pub async fn ended(&mut self) {
        let served = self.served.take().expect("waited for once");
        soon("the program's end", served).await.unwrap().unwrap();
    }

    /// The database, opened a second time.
    pub async fn store(&self) -> Store {
        Store::open(&self.database_url).await.unwrap()
    }

    /// Whether these bytes stand anywhere in the database's files, its write-ahead log included.
    pub fn database_holds(&self, bytes: &[u8]) -> bool {
        let files = std::fs::read_dir(self.folder.path()).unwrap();
        let mut files = files.map(|file| std::fs::read(file.unwrap().path()).unwrap_or_default());
        files.any(|file| file.windows(bytes.len()).any(|window| window == bytes))
    }

    /// Deletes the database file and its log under the running program.
    pub fn delete_database_file(&self) {
        for file in ["test.db", "test.db-wal", "test.db-shm"] {
            std::fs::remove_file(self.folder.path().join(file)).unwrap();
        }
    }

    /// One connection to the database beside the program's own.
    pub async fn database(&self) -> DatabaseConnection {
        let mut options = ConnectOptions::new(&self.database_url);
        options.max_connections(1);
        Database::connect(options).await.unwrap()
    }

    /// Drops the tables under the running program, as a damaged disk would lose them.
    pub async fn break_database(&self) {
        let database = self.database().await;
        for table in ["usage", "feedback", "turns", "conversations", "learners"] {
            database.execute_unprepared(&format!("DROP TABLE IF EXISTS {table}")).await.unwrap();
        }
    }

    /// How many model calls of this kind there were.
    pub fn calls(&self, purpose: Purpose) -> usize {
        self.openai.stats().by_purpose.get(&purpose).copied().unwrap_or_default()
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The key of the model server.
pub const KEY: &str = "sk-test-0123456789";

/// Settings from flags alone. The environment of the tests is ignored.
pub fn config(flags: &[&str]) -> Config {
    let command = Cli::command().args_override_self(true).mut_args(|arg| arg.env(Resettable::Reset));
    let matches = command.try_get_matches_from([&["llm-classroom"], flags].concat()).unwrap();
    Cli::from_arg_matches(&matches).unwrap().config
}

/// The recorder is one for the whole process.
fn metrics() -> PrometheusHandle {
    static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
    METRICS.get_or_init(|| app::install_metrics().unwrap()).clone()
}
