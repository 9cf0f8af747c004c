//! A look at a database that changes nothing: for the operator who asks what is wrong.

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

use super::{Engine, Store, StoreError, connect, file::sqlite_path, migration};

/// What was seen of a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Which database it is.
    pub engine: Engine,
    /// How its tables stand to this version of the program.
    pub tables: Tables,
    /// The first thing that SQLite finds damaged.
    pub damage: Option<String>,
    /// Connections in use and the most there may be; PostgreSQL's alone.
    pub connections: Option<(u32, u32)>,
    /// The database server's clock, in milliseconds since 1970; PostgreSQL's alone.
    pub clock: Option<i64>,
}

/// How a database's tables stand to this version of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tables {
    /// There are none yet; the first start makes them.
    None,
    /// Of this version.
    Current,
    /// Of an older one; the next start brings them up to date.
    Older,
    /// Of a newer one.
    Newer,
}

impl Store {
    /// Looks at a database. `None` if there is no such SQLite file.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn look(url: &str, patience: Duration) -> Result<Option<Look>, StoreError> {
        let Some(database) = connect(url, patience).await? else { return Ok(None) };
        let look = look(&database).await;
        database.close().await?;
        look.map(Some)
    }
}

impl Store {
    /// The first thing that SQLite finds damaged in the file, its indexes included; PostgreSQL looks after its own.
    ///
    /// # Errors
    /// When the file can't be read.
    pub async fn find_damage(&self) -> Result<Option<String>, StoreError> {
        if self.engine == Engine::Postgres {
            return Ok(None);
        }
        let said: Option<String> = value(&self.reader, "PRAGMA integrity_check(1)").await?;
        Ok(said.filter(|said| said != "ok"))
    }
}

/// A connection that changes nothing; `None` if there is no such file.
pub(super) async fn connect(url: &str, patience: Duration) -> Result<Option<DatabaseConnection>, StoreError> {
    let failed = |error: sqlx::Error| StoreError::from(DbErr::Conn(RuntimeErr::SqlxError(error.into())));
    if let Some(path) = sqlite_path(url) {
        if !tokio::fs::try_exists(path).await.unwrap_or(false) {
            return Ok(None);
        }
        let file = SqliteConnectOptions::new().filename(path).pragma("query_only", "ON");
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(file).await.map_err(failed)?;
        return Ok(Some(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)));
    }
    if !url.starts_with("postgres") {
        return Err(StoreError::Url("it starts neither with sqlite:// nor with postgres://".to_owned()));
    }
    let server: PgConnectOptions = url.parse().map_err(|_| StoreError::Url("it is no PostgreSQL URL".to_owned()))?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(patience);
    let pool = connect::connect(pool, server).await.map_err(failed)?;
    Ok(Some(SqlxPostgresConnector::from_sqlx_postgres_pool(pool)))
}

/// Whether there are a school's tables.
pub(super) async fn holds_school(database: &DatabaseConnection) -> Result<bool, StoreError> {
    Ok(SchemaManager::new(database).has_table("conversations").await?)
}

/// How its tables stand to this version.
pub(super) async fn tables(database: &DatabaseConnection) -> Result<Tables, StoreError> {
    Ok(if holds_school(database).await? { migration::standing(database).await? } else { Tables::None })
}

async fn look(database: &DatabaseConnection) -> Result<Look, StoreError> {
    let tables = tables(database).await?;
    let mut look = Look { engine: Engine::Sqlite, tables, damage: None, connections: None, clock: None };
    if database.get_database_backend() == DbBackend::Sqlite {
        let said: Option<String> = value(database, "PRAGMA quick_check(1)").await?;
        look.damage = said.filter(|said| said != "ok");
        return Ok(look);
    }
    look.engine = Engine::Postgres;
    let used: Option<i64> = value(database, "SELECT count(*) FROM pg_stat_activity").await?;
    let most: Option<String> = value(database, "SELECT current_setting('max_connections')").await?;
    look.connections = used.zip(most).and_then(|(used, most)| Some((used.try_into().ok()?, most.parse().ok()?)));
    look.clock = value(database, "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)").await?;
    Ok(look)
}

async fn value<T: sea_orm::TryGetable>(database: &DatabaseConnection, sql: &str) -> Result<Option<T>, StoreError> {
    let statement = Statement::from_string(database.get_database_backend(), sql);
    Ok(database.query_one_raw(statement).await?.map(|row| row.try_get_by_index(0)).transpose()?)
}
