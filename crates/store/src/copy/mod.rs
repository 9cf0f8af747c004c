//! Copies all data from one database to another, of the same engine or not.
//!
//! Table by table, each after those its rows point to. The source is the truth: what it has is written where it is
//! missing or different, what it no longer has is removed. So a copy that broke off goes on where it stopped when it is
//! run again, and one that is repeated brings what happened since. In the end both sides are read once more and
//! compared.
//!
//! Both databases order text by rules of their own. A key is therefore compared with others of its own database only,
//! and looked up in the other one.

/// Does the same for each table that is copied, those first that others point to. Leases belong to a database and stay.
macro_rules! for_each_table {
    ($done:ident($($argument:expr),*)) => {
        [
            $done::<learners::Entity>($($argument),*).await?,
            $done::<conversations::Entity>($($argument),*).await?,
            $done::<turns::Entity>($($argument),*).await?,
            $done::<feedback::Entity>($($argument),*).await?,
            $done::<guides::Entity>($($argument),*).await?,
            $done::<usage::Entity>($($argument),*).await?,
        ]
    };
}

mod checksum;
mod error;
mod fill;
mod origin;
mod preflight;
mod rows;
mod snapshot;
mod source;
mod table;
mod target;

pub use checksum::TableChecksum;
pub use error::CopyError;

use checksum::same;
use rows::copy;

use super::{
    Store,
    entity::{conversations, feedback, guides, learners, turns, usage},
};
use crate::now;

/// How far the copy of one table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// The table.
    pub table: &'static str,
    /// Rows of the source that were looked at.
    pub rows: u64,
    /// Of these, those that had to be written: they were missing in the target, or different.
    pub written: u64,
    /// Rows of the target that were removed, because the source no longer has them.
    pub removed: u64,
    /// Whether this table is done.
    pub done: bool,
}

/// What both databases hold after a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopySummary {
    /// Turns that an unclean stop had left running in the source, and that are now interrupted in both.
    pub interrupted: u64,
    /// Each table with its rows, which are the same on both sides.
    pub tables: Vec<(&'static str, TableChecksum)>,
}

impl Store {
    /// Makes this database hold the same data as `source`, and calls `progress` after every page of rows.
    ///
    /// Can be interrupted and repeated until this database is served for the first time. Neither database may be served
    /// meanwhile. Turns left running in the source are interrupted first.
    ///
    /// # Errors
    /// [`CopyError`]. Its refusals change nothing; after another one the source is as it was, and repeating goes on.
    pub async fn copy_from(
        &self,
        source: &Self,
        mut progress: impl FnMut(&CopyProgress),
    ) -> Result<CopySummary, CopyError> {
        preflight::check(source, self).await?;
        origin::record_copy(source, self).await?;
        let interrupted = source.interrupt_running(now()).await?;
        let progress: &mut dyn FnMut(&CopyProgress) = &mut progress;
        for_each_table!(copy(source, self, progress));
        // An instance that began to serve during the copy would make the databases differ without an obvious cause.
        preflight::check_unserved(source).await?;
        let tables = for_each_table!(same(source, self)).to_vec();
        Ok(CopySummary { interrupted, tables })
    }
}
