//! The tables, step by step. A step that was released is never changed: the next one mends it. There is no way back.

mod m0001_conversations;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, TransactionTrait};
use sea_orm_migration::{MigrationTrait, MigratorTrait, async_trait};

use super::{IMMEDIATE, StoreError};

struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(m0001_conversations::Migration)]
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
    Migrator::up(&transaction, None).await?;
    Ok(transaction.commit().await?)
}
