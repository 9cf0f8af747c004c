//! Read-only inspection of a database for diagnosis.

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector,
    Statement,
    sqlx::{
        self,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};
use sea_orm_migration::SchemaManager;

use super::{
    DatabaseEngine, Store, StoreError, connect,
    file::{refusal, sqlite_path},
    migration,
};

/// The result of [`Store::inspect`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseReport {
    /// The kind of database.
    pub engine: DatabaseEngine,
    /// How its tables compare with those of this version.
    pub tables: Tables,
    /// The first thing that SQLite finds damaged.
    pub damage: Option<String>,
    /// Why SQLite can't write; the disk is full, for example.
    pub write_error: Option<String>,
    /// Connections in use and their limit; only for PostgreSQL.
    pub connections: Option<(u32, u32)>,
    /// The database server's clock, in milliseconds since 1970; only for PostgreSQL.
    pub clock: Option<i64>,
}

/// How a database's tables compare with those of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// There are none yet; the first start creates them.
    None,
    /// Of this version.
    Current,
    /// Of an older one; the next start brings them up to date.
    Older,
    /// Of a newer one.
    Newer,
}

impl Store {
    /// Inspects a database without changing what it holds. `None` if there is no such SQLite file. Refuses an SQLite file that
    /// [`Store::open`] would refuse.
    pub async fn inspect(url: &str, wait_limit: Duration) -> Result<Option<DatabaseReport>, StoreError> {
        if let Some(reason) = sqlite_path(url).and_then(refusal) {
            return Err(StoreError::Url(reason));
        }
        let Some(database) = connect(url, wait_limit).await? else { return Ok(None) };
        let report = inspect_open(&database).await;
        database.close().await?;
        report.map(Some)
    }

    /// The first damage that SQLite finds in the file and its indexes; always `None` for PostgreSQL.
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn find_damage(&self) -> Result<Option<String>, StoreError> {
        if self.engine == DatabaseEngine::Postgres {
            return Ok(None);
        }
        let result: Option<String> = value(&self.reader, "PRAGMA integrity_check(1)").await?;
        Ok(result.filter(|text| text != "ok"))
    }
}

/// A connection that changes nothing; `None` if there is no such file.
pub(super) async fn connect(url: &str, wait_limit: Duration) -> Result<Option<DatabaseConnection>, StoreError> {
    let failed = |error: sqlx::Error| StoreError::from(DbErr::Conn(RuntimeErr::SqlxError(error.into())));
    if let Some(path) = sqlite_path(url) {
        if !tokio::fs::try_exists(path).await.unwrap_or(false) {
            return Ok(None);
        }
        let file = SqliteConnectOptions::new().filename(path).pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(file).await.map_err(failed)?;
        return Ok(Some(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)));
    }
    if DatabaseEngine::of_url(url) != Some(DatabaseEngine::Postgres) {
        return Err(StoreError::Url("it starts neither with sqlite:// nor with postgres://".to_owned()));
    }
    let server: PgConnectOptions = url.parse().map_err(|_| StoreError::Url("it is no PostgreSQL URL".to_owned()))?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(wait_limit);
    let pool = connect::connect(pool, server).await.map_err(failed)?;
    Ok(Some(SqlxPostgresConnector::from_sqlx_postgres_pool(pool)))
}

/// Whether the program's tables exist.
pub(super) async fn has_tables(database: &DatabaseConnection) -> Result<bool, StoreError> {
    Ok(SchemaManager::new(database).has_table("conversations").await?)
}

/// Compares its tables with those of this version.
pub(super) async fn tables(database: &DatabaseConnection) -> Result<Tables, StoreError> {
    Ok(if has_tables(database).await? { migration::compare_tables(database).await? } else { Tables::None })
}

async fn inspect_open(database: &DatabaseConnection) -> Result<DatabaseReport, StoreError> {
    let tables = tables(database).await?;
    let mut report = DatabaseReport {
        engine: DatabaseEngine::Sqlite,
        tables,
        damage: None,
        write_error: None,
        connections: None,
        clock: None,
    };
    if database.get_database_backend() == DbBackend::Sqlite {
        let result: Option<String> = value(database, "PRAGMA quick_check(1)").await?;
        report.damage = result.filter(|text| text != "ok");
        if report.damage.is_none() && tables != Tables::None {
            report.write_error = try_write(database).await?.map(|error| error.to_string());
        }
        return Ok(report);
    }
    report.engine = DatabaseEngine::Postgres;
    let used: Option<i64> = value(database, "SELECT count(*) FROM pg_stat_activity").await?;
    let most: Option<String> = value(database, "SELECT current_setting('max_connections')").await?;
    report.connections = used.zip(most).and_then(|(used, most)| Some((used.try_into().ok()?, most.parse().ok()?)));
    report.clock = value(database, "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)").await?;
    Ok(report)
}

/// Commits a write of SQLite that changes nothing: `user_version`, which the program doesn't use, to what it is. Returns why
/// it failed. A lock that another process holds is no failure.
async fn try_write(database: &DatabaseConnection) -> Result<Option<DbErr>, StoreError> {
    let version: Option<i32> = value(database, "PRAGMA user_version").await?;
    database.execute_unprepared("PRAGMA query_only = OFF").await?;
    let sql = format!("PRAGMA user_version = {}", version.unwrap_or_default());
    let Err(error) = database.execute_unprepared(&sql).await else { return Ok(None) };
    let is_busy = matches!(StoreError::from(error.clone()), StoreError::Busy(_));
    Ok(Some(error).filter(|_| !is_busy))
}

async fn value<T: sea_orm::TryGetable>(database: &DatabaseConnection, sql: &str) -> Result<Option<T>, StoreError> {
    let statement = Statement::from_string(database.get_database_backend(), sql);
    Ok(database.query_one_raw(statement).await?.map(|row| row.try_get_by_index(0)).transpose()?)
}
