//! Counts and checksums, to see that both sides hold the same.

use std::fmt;

use sea_orm::{ConnectionTrait, ModelTrait};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{
    CopyError,
    table::{self, Table},
};
use crate::{Store, StoreError};

/// Row count and checksum of a table, independent of the order of its rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TableChecksum {
    /// How many rows there are.
    pub rows: u64,
    /// The rows' digests added up, modulo 2¹²⁸. A digest is the first 16 bytes of the SHA-256 of the row as JSON.
    pub checksum: u128,
}

impl fmt::Display for TableChecksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows with checksum {:032x}", self.rows, self.checksum)
    }
}

/// The table's name and checksum, which must be the same on both sides.
pub(super) async fn same<T: Table>(source: &Store, target: &Store) -> Result<(&'static str, TableChecksum), CopyError> {
    let table = table::name::<T>();
    let (source_side, target_side) = tokio::try_join!(of::<T>(&source.reader), of::<T>(&target.reader))?;
    if source_side == target_side {
        Ok((table, source_side))
    } else {
        Err(CopyError::Differs { table, source_side, target_side })
    }
}

/// The table's name and what it holds.
pub(super) async fn named<T: Table>(db: &impl ConnectionTrait) -> Result<(&'static str, TableChecksum), StoreError> {
    Ok((table::name::<T>(), of::<T>(db).await?))
}

async fn of<T: Table>(db: &impl ConnectionTrait) -> Result<TableChecksum, StoreError> {
    let mut sum = TableChecksum::default();
    let mut last = None;
    loop {
        let rows = table::rows_after::<T>(db, last).await?;
        let Some(row) = rows.last() else { return Ok(sum) };
        last = Some(row.get_primary_key_value());
        sum.rows += rows.len() as u64;
        for row in &rows {
            sum.checksum = sum.checksum.wrapping_add(digest(row)?);
        }
    }
}

/// Stands for one row. Its JSON has the columns in the order of the entity, so equal rows have equal digests.
pub(super) fn digest(row: &impl Serialize) -> Result<u128, StoreError> {
    let json = serde_json::to_vec(row).map_err(|error| StoreError::Corrupt(error.into()))?;
    let hash = Sha256::digest(json);
    let first = hash.first_chunk().expect("a SHA-256 has 32 bytes");
    Ok(u128::from_be_bytes(*first))
}
