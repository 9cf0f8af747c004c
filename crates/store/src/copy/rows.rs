//! Copies one table's rows page by page, each page in one transaction of the target.

use std::collections::HashSet;

use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ModelTrait, sea_query::ValueTuple};

use super::{
    CopyError, CopyProgress,
    checksum::digest,
    table::{self, Table},
};
use crate::{Store, StoreError, entity::leases};

/// Makes the target's table hold what the source's holds.
pub(super) async fn copy<T: Table>(
    source: &Store,
    target: &Store,
    progress: &mut dyn FnMut(&CopyProgress),
) -> Result<(), CopyError> {
    let mut step = CopyProgress { table: table::name::<T>(), rows: 0, written: 0, removed: 0, done: false };
    // First, so that nothing in the way of a new row is left: a place in a conversation, or a key, is given once.
    let mut last = None;
    while let Some((key, extra)) = extra_keys_after::<T>(source, target, last).await? {
        last = Some(key);
        let count = extra.len() as u64;
        in_unserved(target, move |db| Box::pin(async move { table::delete::<T>(db, &extra).await })).await?;
        step.removed += count;
        progress(&step);
    }
    let mut last = None;
    loop {
        let rows = table::rows_after::<T>(&source.reader, last).await?;
        let Some(row) = rows.last() else { break };
        last = Some(row.get_primary_key_value());
        step.rows += rows.len() as u64;
        step.written += in_unserved(target, move |db| Box::pin(write_missing::<T>(db, rows))).await?;
        progress(&step);
    }
    step.done = true;
    progress(&step);
    Ok(())
}

/// Whether the target's table holds rows that the source lacks and that no earlier copy from it can have written.
pub(super) async fn has_extra_rows<T: Table>(
    source: &Store,
    target: &Store,
    may_be_copied: impl Fn(&T::Model) -> bool,
) -> Result<bool, StoreError> {
    let mut last = None;
    while let Some((key, extra)) = extra_keys_after::<T>(source, target, last).await? {
        if !table::rows_with::<T>(&target.reader, &extra).await?.iter().all(&may_be_copied) {
            return Ok(true);
        }
        last = Some(key);
    }
    Ok(false)
}

/// Reads the page of the target's keys after `last`. Returns its last key and those keys that the source lacks.
async fn extra_keys_after<T: Table>(
    source: &Store,
    target: &Store,
    last: Option<ValueTuple>,
) -> Result<Option<(ValueTuple, Vec<ValueTuple>)>, StoreError> {
    let mut keys = table::keys_after::<T>(&target.reader, last).await?;
    let Some(last) = keys.last().cloned() else { return Ok(None) };
    let known: HashSet<_> = table::keys_with::<T>(&source.reader, &keys).await?.into_iter().collect();
    keys.retain(|key| !known.contains(key));
    Ok(Some((last, keys)))
}

/// Writes the rows that are missing or different in the target. Returns how many.
async fn write_missing<T: Table>(db: &DatabaseTransaction, rows: Vec<T::Model>) -> Result<u64, StoreError> {
    let keys: Vec<_> = rows.iter().map(ModelTrait::get_primary_key_value).collect();
    let there = table::rows_with::<T>(db, &keys).await?;
    let there = there.iter().map(digest).collect::<Result<HashSet<_>, _>>()?;
    let mut missing = Vec::new();
    for row in rows {
        if !there.contains(&digest(&row)?) {
            missing.push(row);
        }
    }
    let count = missing.len() as u64;
    table::upsert::<T>(db, missing).await?;
    Ok(count)
}

/// Changes the target, unless an instance has begun to serve it.
pub(super) async fn in_unserved<V, W>(target: &Store, work: W) -> Result<V, CopyError>
where
    V: Send + 'static,
    W: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<V, StoreError>> + Send + 'static,
{
    let done = target.write(move |db| Box::pin(while_unserved(db, work))).await?;
    done.ok_or_else(|| CopyError::WasServed(target.describe().to_owned()))
}

/// Does the work if no instance has ever served the database, and prevents serving until the transaction ends.
pub(super) async fn while_unserved<V, W>(db: &DatabaseTransaction, work: W) -> Result<Option<V>, StoreError>
where
    W: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<V, StoreError>>,
{
    if db.get_database_backend() == DbBackend::Postgres {
        // No lease can be taken until the transaction ends. On SQLite the transaction excludes all writes.
        db.execute_unprepared("LOCK TABLE leases IN SHARE MODE").await?;
    }
    match leases::Entity::find().one(db).await? {
        Some(_) => Ok(None),
        None => work(db).await.map(Some),
    }
}
