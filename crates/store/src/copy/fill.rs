//! Fills an empty database from a file in one transaction: completely or not at all.

use sea_orm::{DatabaseTransaction, ModelTrait};

use super::{
    CopyError, TableChecksum,
    checksum::named,
    rows::while_unserved,
    table::{self, Table},
};
use crate::{
    Store, StoreError,
    entity::{conversations, feedback, guides, learners, turns, usage},
    migration,
};

impl Store {
    /// Makes this database, which has to be empty, hold what `source` holds, and compares them. `source` is a file that
    /// no other process uses.
    ///
    /// # Errors
    /// [`CopyError`]; then this database is as empty as it was.
    pub async fn fill_from(&self, source: &Self) -> Result<Vec<(&'static str, TableChecksum)>, CopyError> {
        let newer =
            source.write(|db| Box::pin(async move { Ok(migration::steps_of_newer_versions(db).await?) })).await?;
        if !newer.is_empty() {
            return Err(CopyError::Newer(source.describe().to_owned()));
        }
        let wanted = source.table_checksums().await?;
        let (source, expected) = (source.clone(), wanted.clone());
        let filled = self
            .write_at_length(move |db| Box::pin(while_unserved(db, move |db| Box::pin(fill(source, expected, db)))))
            .await?;
        match filled {
            Some(true) => Ok(wanted),
            Some(false) => Err(CopyError::OtherData(self.describe().to_owned())),
            None => Err(CopyError::WasServed(self.describe().to_owned())),
        }
    }
}

/// Whether it was empty and is full now. That it holds what it should is seen before anything counts.
async fn fill(
    source: Store,
    expected: Vec<(&'static str, TableChecksum)>,
    target: &DatabaseTransaction,
) -> Result<bool, StoreError> {
    if for_each_table!(has_rows(target)).contains(&true) {
        return Ok(false);
    }
    for_each_table!(insert(&source, target));
    let found = for_each_table!(named(target));
    let both = expected.into_iter().zip(found);
    for ((table, source_side), (_, target_side)) in both {
        if source_side != target_side {
            return Err(StoreError::Corrupt(CopyError::Differs { table, source_side, target_side }.into()));
        }
    }
    Ok(true)
}

async fn has_rows<T: Table>(target: &DatabaseTransaction) -> Result<bool, StoreError> {
    Ok(T::find().one(target).await?.is_some())
}

async fn insert<T: Table>(source: &Store, target: &DatabaseTransaction) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let rows = table::rows_after::<T>(&source.reader, last).await?;
        let Some(row) = rows.last() else { return Ok(()) };
        last = Some(row.get_primary_key_value());
        table::upsert::<T>(target, rows).await?;
    }
}
