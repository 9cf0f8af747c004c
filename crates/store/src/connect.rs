//! From a URL to an open, migrated store.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector,
    sqlx::{
        self, Connection as _, PgConnection, PgPool,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};

use tokio::time::timeout;

use super::{
    DatabaseEngine, Store, StoreError,
    file::{OpenedFile, refusal, sqlite_path},
    migration,
    write::{MAX_GROUP, Queue, Writer},
};

/// Sizes and time limits of the connection pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Connections to PostgreSQL at most; each costs the server about 10 MB. 16 by default.
    pub postgres_connections: u32,
    /// SQLite connections for reading at most, beside the one that writes; each is a thread. 4 by default.
    pub sqlite_readers: u32,
    /// How long a call waits for a free connection or, on SQLite, for a place among the writes that wait. 10 seconds
    /// by default.
    pub acquire_timeout: Duration,
    /// Whether SQLite commits concurrent writes together, as many as wait. Always better, so `true` by default; one
    /// commit each is there to be compared with.
    pub group_commits: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            postgres_connections: 16,
            sqlite_readers: 4,
            acquire_timeout: Duration::from_secs(10),
            group_commits: true,
        }
    }
}

/// How long PostgreSQL is asked once more why it isn't reached.
const LAST_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long SQLite waits for another process's write lock.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Pause before a busy SQLite file is opened again.
const REOPEN_PAUSE: Duration = Duration::from_millis(20);

pub(super) async fn open(url: &str, options: Options) -> Result<Store, StoreError> {
    if let Some(path) = sqlite_path(url) {
        sqlite(path, options).await
    } else if DatabaseEngine::of_url(url) == Some(DatabaseEngine::Postgres) {
        postgres(url, options).await
    } else {
        // The URL itself may hold a password and stays out of the message.
        Err(StoreError::Url("it starts neither with sqlite:// nor with postgres://".to_owned()))
    }
}

async fn sqlite(path: &Path, options: Options) -> Result<Store, StoreError> {
    if path.as_os_str().is_empty() || path == ":memory:" || path.to_string_lossy().contains('?') {
        // Several connections don't share a database in memory; parameters could undo the settings below.
        return Err(StoreError::Url("sqlite:// needs the path of a file, without parameters".to_owned()));
    }
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(|error| StoreError::Unavailable(DbErr::Conn(sqlx_error(sqlx::Error::Io(error)))))?;
    }

    if let Some(reason) = refusal(path) {
        return Err(StoreError::Url(reason));
    }
    let file = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Deleted text is overwritten with zeros, not left in free pages.
        .pragma("secure_delete", "ON")
        .busy_timeout(BUSY_TIMEOUT);
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(options.acquire_timeout)
        // A connection to a file doesn't die, and a new one would forget its prepared statements.
        .test_before_acquire(false)
        .idle_timeout(None)
        .max_lifetime(None);

    let writer = open_writer(&pool.clone().max_connections(1), &file).await?;
    migration::run(&writer).await?;
    let opened = OpenedFile::new(path).await.map_err(|error| connection_error(sqlx::Error::Io(error)))?;
    // Not `read_only`: SQLite can't always open a write-ahead log that way. The pragma forbids writing just as well.
    let file = file.pragma("query_only", "ON");
    let reader = pool.max_connections(options.sqlite_readers).connect_with(file).await.map_err(connection_error)?;
    Ok(Store {
        engine: DatabaseEngine::Sqlite,
        place: format!("{} at {}", DatabaseEngine::Sqlite, path.display()).into(),
        writer: Writer::Grouped(Queue::start(
            writer,
            if options.group_commits { MAX_GROUP } else { 1 },
            options.acquire_timeout,
        )),
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
        file: Some(Arc::new(opened)),
    })
}

/// Opens the file, again and again while another process holds it: the switch to the write-ahead log needs the file
/// for itself and, unlike everything after it, ignores `busy_timeout`.
async fn open_writer(pool: &SqlitePoolOptions, file: &SqliteConnectOptions) -> Result<DatabaseConnection, StoreError> {
    let began = Instant::now();
    loop {
        match pool.clone().connect_with(file.clone()).await.map_err(connection_error) {
            Ok(pool) => return Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)),
            Err(StoreError::Busy(_)) if began.elapsed() < BUSY_TIMEOUT => tokio::time::sleep(REOPEN_PAUSE).await,
            Err(error) => return Err(error),
        }
    }
}

async fn postgres(url: &str, options: Options) -> Result<Store, StoreError> {
    let server: PgConnectOptions = url.parse().map_err(|_| StoreError::Url("it is no PostgreSQL URL".to_owned()))?;
    let server = server
        .application_name("llm-classroom")
        // An instance that freezes, or whose machine is gone, in the middle of a transaction holds locks on turns that
        // others then can't interrupt. No transaction of ours is idle for longer than between two statements.
        .options([("idle_in_transaction_session_timeout", "3000")]);
    let place = describe(&server);
    // The pool is made here and not by sea-orm, whose tracing spans show the URL with its password.
    let pool =
        PgPoolOptions::new().max_connections(options.postgres_connections).acquire_timeout(options.acquire_timeout);
    let pool = connect(pool, server).await.map_err(connection_error)?;
    let pool = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    migration::run(&pool).await?;
    Ok(Store {
        engine: DatabaseEngine::Postgres,
        place,
        writer: Writer::Single(pool.clone()),
        reader: pool,
        file: None,
    })
}

/// A pool with its first connection. The pool retries until its timeout and then reports only the timeout, so one more
/// attempt finds the cause.
pub(super) async fn connect(pool: PgPoolOptions, server: PgConnectOptions) -> sqlx::Result<PgPool> {
    match pool.connect_with(server.clone()).await {
        Err(sqlx::Error::PoolTimedOut) => {
            let last = timeout(LAST_ATTEMPT_TIMEOUT, PgConnection::connect_with(&server)).await;
            Err(last.ok().and_then(Result::err).unwrap_or(sqlx::Error::PoolTimedOut))
        }
        connected => connected,
    }
}

/// Built from the parts that are no secret, so that no spelling of a password slips through.
fn describe(server: &PgConnectOptions) -> Arc<str> {
    let host = server.get_socket().map_or_else(|| server.get_host().to_owned(), |path| path.display().to_string());
    let database = server.get_database().unwrap_or(server.get_username());
    format!("{} at {host}, port {}, database {database}", DatabaseEngine::Postgres, server.get_port()).into()
}

fn connection_error(error: sqlx::Error) -> StoreError {
    DbErr::Conn(sqlx_error(error)).into()
}

fn sqlx_error(error: sqlx::Error) -> RuntimeErr {
    RuntimeErr::SqlxError(error.into())
}
