//! A snapshot of all data in a new SQLite file, taken while the database is served.

use std::path::Path;

use sea_orm::{AccessMode, EntityTrait};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbErr, IsolationLevel, ModelTrait, Statement, TransactionOptions,
    TransactionTrait, sea_query::Expr,
};

use super::{
    CopyError, TableChecksum,
    checksum::named,
    table::{self, Table},
};
use crate::now;
use crate::{
    Options, Store, StoreError, Tables,
    entity::{conversation_requests, conversations, copies, feedback, guides, learners, leases, turns, usage},
    inspect, sqlite_path,
};

impl Store {
    /// Copies the data at `url` into the new SQLite file `target`, as of one moment, also while it is served. Turns
    /// that run at that moment are interrupted in the copy, and can be tried again there.
    ///
    /// # Errors
    /// [`CopyError::NoSource`] when there is no data, otherwise what reading or writing met.
    pub async fn snapshot(
        url: &str,
        target: &Path,
        options: Options,
    ) -> Result<Vec<(&'static str, TableChecksum)>, CopyError> {
        let source = inspect::connect(url, options.acquire_timeout).await?.ok_or(CopyError::NoSource)?;
        let taken = match inspect::tables(&source).await {
            Ok(Tables::None) => Err(CopyError::NoSource),
            // What this version doesn't know wouldn't be in the copy.
            Ok(Tables::Newer) => Err(CopyError::Newer("the database".to_owned())),
            // A copied file is brought up to date by itself.
            Ok(Tables::Older | Tables::Current) if sqlite_path(url).is_some() => {
                vacuum(&source, target).await.map_err(CopyError::from)
            }
            Ok(Tables::Older) => Err(CopyError::Older),
            Ok(Tables::Current) => read_all(&source, target, options).await,
            Err(error) => Err(error.into()),
        };
        source.close().await.map_err(StoreError::from)?;
        taken?;
        prepare_snapshot(target, options).await
    }

    /// What each table holds.
    ///
    /// # Errors
    /// What reading met.
    pub async fn table_checksums(&self) -> Result<Vec<(&'static str, TableChecksum)>, CopyError> {
        Ok(for_each_table!(named(&self.reader)).to_vec())
    }
}

/// SQLite writes a copy of itself, as of the moment it begins.
async fn vacuum(source: &sea_orm::DatabaseConnection, target: &Path) -> Result<(), StoreError> {
    source.execute_unprepared("PRAGMA query_only = OFF").await?;
    let path = target.to_string_lossy().into_owned();
    let vacuum = Statement::from_sql_and_values(source.get_database_backend(), "VACUUM INTO ?", [path.into()]);
    source.execute_raw(vacuum).await?;
    Ok(())
}

/// One transaction of PostgreSQL sees all tables as of the moment of its first question.
async fn read_all(source: &sea_orm::DatabaseConnection, target: &Path, options: Options) -> Result<(), CopyError> {
    let reading = TransactionOptions {
        isolation_level: Some(IsolationLevel::RepeatableRead),
        access_mode: Some(AccessMode::ReadOnly),
        sqlite_transaction_mode: None,
    };
    let reading = source.begin_with_options(reading).await.map_err(StoreError::from)?;
    let target = Store::open_with(&at(target), options).await?;
    let copied = async {
        for_each_table!(copy(&reading, &target));
        Ok(())
    };
    let copied = copied.await;
    target.close().await?;
    reading.rollback().await.map_err(StoreError::from)?;
    copied
}

async fn copy<T: Table>(source: &DatabaseTransaction, target: &Store) -> Result<(), CopyError> {
    let mut last = None;
    loop {
        let rows = table::rows_after::<T>(source, last).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last = Some(row.get_primary_key_value());
        target.write(move |db| Box::pin(async move { table::upsert::<T>(db, rows).await })).await?;
    }
}

/// Prepares the copy, which no instance serves: removes leases and interrupts running turns.
async fn prepare_snapshot(target: &Path, options: Options) -> Result<Vec<(&'static str, TableChecksum)>, CopyError> {
    let store = Store::open_with(&at(target), options).await?;
    let settled = async {
        store.write(|db| Box::pin(async move { clear_transient_rows(db).await.map_err(StoreError::from) })).await?;
        store.interrupt_running(now()).await?;
        store.table_checksums().await
    };
    let settled = settled.await;
    store.close().await?;
    settled
}

/// Removes what means nothing in another database, or later: leases, copies that were made of this one, and requests that
/// may still be repeated.
async fn clear_transient_rows(db: &DatabaseTransaction) -> Result<(), DbErr> {
    turns::Entity::update_many().col_expr(turns::Column::Lease, Expr::value(None::<i64>)).exec(db).await?;
    leases::Entity::delete_many().exec(db).await?;
    copies::Entity::delete_many().exec(db).await?;
    conversation_requests::Entity::delete_many().exec(db).await?;
    Ok(())
}

fn at(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}
