//! The tables, step by step. A step that was released is never changed: the next one fixes it. There are no down migrations.
//!
//! Instances of two versions serve side by side during an update, so a change comes in two releases: the
//! first one *expands* (adds tables, or columns that may stay empty), the next one *contracts* (removes what the first
//! doesn't use any more). A step that contracts has `_contract_` in its name; a program that has never heard of it is
//! too old for the tables and refuses to start. Any other step that it doesn't know leaves it everything it uses.

mod m0001_conversations;
mod m0002_leases;
mod m0003_conversation_requests;
mod m0004_copies;
mod m0005_api_tokens;
mod tables;

use std::cmp::Ordering;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement, TransactionTrait,
};
use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

use super::{IMMEDIATE, StoreError, Tables};
pub(super) use tables::check as check_tables;

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_conversations::Migration),
            Box::new(m0002_leases::Migration),
            Box::new(m0003_conversation_requests::Migration),
            Box::new(m0004_copies::Migration),
            Box::new(m0005_api_tokens::Migration),
        ]
    }
}

/// Takes PostgreSQL's lock on migrating until the transaction ends. The number is this program's own choice; it only
/// has to be the same in all instances and versions.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7401190312)";

/// Brings the tables up to date, all steps or none. Instances that start together wait for one another, and all but
/// the first find nothing to do.
pub(super) async fn run(database: &DatabaseConnection) -> Result<(), StoreError> {
    // On SQLite the write lock that it holds from its start is the lock on migrating.
    let transaction = database.begin_with_options(IMMEDIATE).await?;
    if transaction.get_database_backend() == DbBackend::Postgres {
        transaction.execute_unprepared(LOCK).await?;
    }
    // Before the library makes its own table.
    tables::check(&transaction).await?;
    let newer = steps_of_newer_versions(&transaction).await?;
    if let Some(step) = newer.iter().find(|step| step.contains("_contract_")) {
        return Err(StoreError::Newer(step.clone()));
    }
    if newer.is_empty() {
        Migrator::up(&transaction, None).await?;
    } else {
        tracing::warn!(steps = ?newer, "the database was updated by a newer version, which this one can work beside");
    }
    Ok(transaction.commit().await?)
}

/// Compares the tables of a database with those of this version. Changes nothing.
pub(super) async fn compare_tables(database: &DatabaseConnection) -> Result<Tables, DbErr> {
    // The library would make its own table if that were missing.
    let sql = "SELECT version FROM seaql_migrations";
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await?;
    let taken = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<String>, _>>()?;
    let known = Migrator::migrations();
    let is_known = |step: &str| known.iter().any(|own| own.name() == step);
    Ok(match taken.len().cmp(&known.len()) {
        _ if taken.iter().any(|step| !is_known(step)) => Tables::Newer,
        Ordering::Less => Tables::Older,
        _ => Tables::Current,
    })
}

/// The steps that were taken and that this version doesn't know. Steps are taken in order, so where there are some, all
/// that it knows were taken too.
pub(super) async fn steps_of_newer_versions(database: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let mut taken = Migrator::get_migration_models(database).await?;
    let known = Migrator::migrations();
    taken.retain(|step| !known.iter().any(|own| own.name() == step.version));
    Ok(taken.into_iter().map(|step| step.version).collect())
}
