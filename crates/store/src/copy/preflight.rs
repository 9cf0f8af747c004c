//! Checks before a copy: whether two databases may be its source and target. Reads only.

use std::os::unix::fs::MetadataExt;

use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::{
    super::{
        DatabaseEngine, Store, StoreError,
        entity::{guides, learners, usage},
        migration,
    },
    CopyError, origin, rows,
};

/// Refuses what would lose or mix up data.
pub(super) async fn check(source: &Store, target: &Store) -> Result<(), CopyError> {
    if are_same(source, target).await? {
        return Err(CopyError::Same(source.describe().to_owned()));
    }
    check_unserved(source).await?;
    check_unserved(target).await?;
    if target.was_ever_served().await? {
        return Err(CopyError::WasServed(target.describe().to_owned()));
    }
    if holds_other_data(source, target).await? {
        return Err(CopyError::OtherData(target.describe().to_owned()));
    }
    let steps = source.write(|db| Box::pin(async move { Ok(migration::steps_of_newer_versions(db).await?) })).await?;
    if !steps.is_empty() {
        return Err(CopyError::Newer(source.describe().to_owned()));
    }
    Ok(())
}

/// Whether the target holds rows that can't come from the source.
///
/// After an interrupted copy the source may have deleted rows that were copied. Those are older than the copy. Newer rows
/// were written by a version without leases that served the target.
async fn holds_other_data(source: &Store, target: &Store) -> Result<bool, StoreError> {
    let begun_at = origin::begun_at(source, target).await?;
    let may_be_copied = |created_at: i64| begun_at.is_some_and(|begun_at| created_at < begun_at);
    // All other rows belong to a learner.
    Ok(rows::has_extra_rows::<learners::Entity>(source, target, |row| may_be_copied(row.created_at)).await?
        || rows::has_extra_rows::<guides::Entity>(source, target, |row| may_be_copied(row.created_at)).await?
        || rows::has_extra_rows::<usage::Entity>(source, target, |row| may_be_copied(row.created_at)).await?)
}

/// Refuses a database that an instance serves.
pub(super) async fn check_unserved(store: &Store) -> Result<(), CopyError> {
    if store.is_served().await? { Err(CopyError::Served(store.describe().to_owned())) } else { Ok(()) }
}

/// Whether both URLs lead to the same database.
async fn are_same(source: &Store, target: &Store) -> Result<bool, StoreError> {
    match (source.engine, target.engine) {
        (DatabaseEngine::Sqlite, DatabaseEngine::Sqlite) => {
            let (source, target) = (file(source).await?, file(target).await?);
            Ok(source.is_some() && source == target)
        }
        (DatabaseEngine::Postgres, DatabaseEngine::Postgres) => shares_locks(source, target).await,
        _ => Ok(false),
    }
}

/// Device and number of the file, which links and relative paths don't change.
async fn file(store: &Store) -> Result<Option<(u64, u64)>, StoreError> {
    let files = Statement::from_string(store.reader.get_database_backend(), "PRAGMA database_list");
    let Some(row) = store.reader.query_one_raw(files).await? else { return Ok(None) };
    let path: String = row.try_get("", "file")?;
    Ok(tokio::fs::metadata(path).await.ok().map(|file| (file.dev(), file.ino())))
}

/// Takes a lock with a random key in one database and checks whether it is held in the other. PostgreSQL keeps these
/// locks for each database; a name or an address could stand for the same one in several ways.
async fn shares_locks(source: &Store, target: &Store) -> Result<bool, StoreError> {
    let lock = Uuid::new_v4().as_u64_pair().0.cast_signed();
    let target = target.reader.clone();
    source
        .write(move |db| {
            Box::pin(async move {
                db.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({lock})")).await?;
                let question = format!("SELECT pg_try_advisory_xact_lock({lock}) AS free");
                let answer = target.query_one_raw(Statement::from_string(db.get_database_backend(), question)).await?;
                let answer = answer.ok_or_else(|| StoreError::unreadable("the lock"))?;
                Ok(!answer.try_get::<bool>("", "free")?)
            })
        })
        .await
}
