//! Whether the tables in a database are this program's, and all of them are there.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, Statement};
use sea_orm_migration::MigratorTrait as _;

use super::{Migrator, StoreError};

/// The library's table of the steps that were taken.
const STEPS: &str = "seaql_migrations";

/// Each table with the step that makes it.
const TABLES: [(&str, &str); 10] = [
    ("learners", "m0001_conversations"),
    ("conversations", "m0001_conversations"),
    ("turns", "m0001_conversations"),
    ("feedback", "m0001_conversations"),
    ("guides", "m0001_conversations"),
    ("usage", "m0001_conversations"),
    ("leases", "m0002_leases"),
    ("conversation_requests", "m0003_conversation_requests"),
    ("copies", "m0004_copies"),
    ("api_tokens", "m0005_api_tokens"),
];

/// What there is under one of the names that the program uses.
struct Found {
    name: String,
    /// Whether it stands where tables are created, and not in another schema of PostgreSQL that is searched, too.
    is_in_current_schema: bool,
}

/// Refuses a database with tables of something else under the program's names, or without some of the program's own.
/// Reads only.
///
/// # Errors
/// [`StoreError::Occupied`] and [`StoreError::Incomplete`].
pub(crate) async fn check(database: &DatabaseTransaction) -> Result<(), StoreError> {
    let found = find(database).await?;
    if let Some(elsewhere) = found.iter().find(|table| !table.is_in_current_schema) {
        return Err(StoreError::Occupied(elsewhere.name.clone()));
    }
    let is_there = |name: &str| found.iter().any(|table| table.name == name);
    let taken = if is_there(STEPS) { taken_steps(database).await? } else { Vec::new() };
    let was_taken = |step: &str| taken.iter().any(|taken| taken == step);
    let is_known = |step: &String| Migrator::migrations().iter().any(|known| known.name() == step);
    if !taken.is_empty() && !taken.iter().any(is_known) {
        return Err(StoreError::Occupied(STEPS.to_owned()));
    }
    for (table, step) in TABLES {
        match (is_there(table), was_taken(step)) {
            (true, false) => return Err(StoreError::Occupied(table.to_owned())),
            // A later version may have removed it.
            (false, true) if taken.iter().all(is_known) => return Err(StoreError::Incomplete(table)),
            _ => {}
        }
    }
    Ok(())
}

async fn find(database: &DatabaseTransaction) -> Result<Vec<Found>, DbErr> {
    let sql = match database.get_database_backend() {
        DbBackend::Postgres => {
            "SELECT c.relname::text AS name, n.nspname IS NOT DISTINCT FROM current_schema() AS here
             FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE pg_table_is_visible(c.oid) AND c.relkind <> 'i' AND c.relname IN "
        }
        _ => "SELECT name, true AS here FROM sqlite_master WHERE type <> 'index' AND name IN ",
    };
    let names: Vec<String> =
        TABLES.iter().map(|(table, _)| *table).chain([STEPS]).map(|name| format!("'{name}'")).collect();
    let sql = format!("{sql}({})", names.join(", "));
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await?;
    let found = |row: &sea_orm::QueryResult| {
        Ok(Found { name: row.try_get("", "name")?, is_in_current_schema: row.try_get("", "here")? })
    };
    rows.iter().map(found).collect()
}

async fn taken_steps(database: &DatabaseTransaction) -> Result<Vec<String>, DbErr> {
    let sql = "SELECT version FROM seaql_migrations";
    let rows = database.query_all_raw(Statement::from_string(database.get_database_backend(), sql)).await?;
    rows.iter().map(|row| row.try_get_by_index(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_made_by_a_known_step() {
        for (table, step) in TABLES {
            assert!(Migrator::migrations().iter().any(|known| known.name() == step), "{table}: {step}");
        }
    }
}
