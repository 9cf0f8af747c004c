//! The database a school moves from: it has to be there already.

use std::path::Path;

use sea_orm::{
    DatabaseConnection, DbErr, RuntimeErr, SqlxPostgresConnector, SqlxSqliteConnector,
    sqlx::{
        self,
        postgres::{PgConnectOptions, PgPoolOptions},
        sqlite::{SqliteConnectOptions, SqlitePoolOptions},
    },
};
use sea_orm_migration::SchemaManager;

use super::{CopyError, fitness};
use crate::store::{Options, Store, StoreError};

impl Store {
    /// Opens a database to copy from. Unlike [`Store::open_with`] it makes none; tables of an older version are brought
    /// up to date.
    ///
    /// # Errors
    /// [`CopyError::NoSource`] and [`CopyError::Served`], with nothing changed; otherwise what opening met.
    pub async fn open_source(url: &str, options: Options) -> Result<Self, CopyError> {
        if !holds_school(url, options).await? {
            return Err(CopyError::NoSource);
        }
        let store = Self::open_with(url, options).await?;
        match fitness::check_unserved(&store).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await?;
                Err(error)
            }
        }
    }
}

/// Whether there is a database with a school's tables.
async fn holds_school(url: &str, options: Options) -> Result<bool, StoreError> {
    let Some(database) = connect(url, options).await? else { return Ok(false) };
    let found = SchemaManager::new(&database).has_table("conversations").await;
    database.close().await?;
    Ok(found?)
}

/// A connection that changes nothing; `None` if there is no such file.
async fn connect(url: &str, options: Options) -> Result<Option<DatabaseConnection>, StoreError> {
    let failed = |error: sqlx::Error| StoreError::from(DbErr::Conn(RuntimeErr::SqlxError(error.into())));
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = Path::new(path.strip_prefix("//").unwrap_or(path));
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
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .connect_with(server)
        .await
        .map_err(failed)?;
    Ok(Some(SqlxPostgresConnector::from_sqlx_postgres_pool(pool)))
}
