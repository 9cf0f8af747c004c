//! Whether two databases may be source and target. Reads only.

use std::os::unix::fs::MetadataExt;

use sea_orm::{ConnectionTrait, Statement};
use uuid::Uuid;

use super::{
    super::{
        Engine, Store, StoreError,
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
    if holds_another_school(source, target).await? {
        return Err(CopyError::AnotherSchool(target.describe().to_owned()));
    }
    let steps = source.write(|db| Box::pin(async move { Ok(migration::steps_of_newer_versions(db).await?) })).await?;
    if !steps.is_empty() {
        return Err(CopyError::Newer(source.describe().to_owned()));
    }
    Ok(())
}

/// Whether the target holds what the source doesn't know.
///
/// After a copy that broke off, the source may have deleted what was copied: that is older than the copy. What is newer
/// was written by a version without leases, which served the target.
async fn holds_another_school(source: &Store, target: &Store) -> Result<bool, StoreError> {
    let begun_at = origin::begun_at(source, target).await?;
    let may_be_copied = |created_at: i64| begun_at.is_some_and(|begun_at| created_at < begun_at);
    // All other rows belong to a learner.
    Ok(rows::has_strangers::<learners::Entity>(source, target, |row| may_be_copied(row.created_at)).await?
        || rows::has_strangers::<guides::Entity>(source, target, |row| may_be_copied(row.created_at)).await?
        || rows::has_strangers::<usage::Entity>(source, target, |row| may_be_copied(row.created_at)).await?)
}

/// Refuses a database that an instance serves.
pub(super) async fn check_unserved(store: &Store) -> Result<(), CopyError> {
    if store.is_served().await? { Err(CopyError::Served(store.describe().to_owned())) } else { Ok(()) }
}

/// Whether they are one database, however differently their addresses are written.
async fn are_same(source: &Store, target: &Store) -> Result<bool, StoreError> {
    match (source.engine, target.engine) {
        (Engine::Sqlite, Engine::Sqlite) => {
            let (source, target) = (file(source).await?, file(target).await?);
            Ok(source.is_some() && source == target)
        }
        (Engine::Postgres, Engine::Postgres) => shares_locks(source, target).await,
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

/// Takes a lock in one that nobody else can know, and looks whether it is taken in the other. PostgreSQL keeps these
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
