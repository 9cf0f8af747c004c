//! Why data could not be copied.

use std::path::PathBuf;

use super::{super::StoreError, TableChecksum};

/// Why a copy was refused, or ended with databases that differ. Each text names the fix.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The source doesn't exist or holds no data. It was not created.
    #[error("there is no LLM Classroom database to move from; check its address")]
    NoSource,
    /// Source and target are one database.
    #[error("{0} is both the database to move from and the one to move to; name two different ones")]
    Same(String),
    /// Where a new SQLite file is to be, a part of another one lies.
    #[error(
        "{} is left of a database that was there and may hold its newest turns; move it to another folder, and try again \
         (nothing was changed)", .0.display()
    )]
    Leftover(PathBuf),
    /// An instance serves this database.
    #[error(
        "{0} is being served at this moment; stop the program that serves it and try again (after a crash it counts \
         as served for another 30 seconds)"
    )]
    Served(String),
    /// The target was served before.
    #[error("{0} has been served before, so it may hold newer work, which would be lost; move to an empty database")]
    WasServed(String),
    /// The target holds learners that the source doesn't know.
    #[error("{0} holds other data, which would be lost; move to an empty database")]
    OtherData(String),
    /// The source has tables of a newer version of the program.
    #[error(
        "{0} was updated by a newer version of the program and may hold what this one can't copy; use that version"
    )]
    Newer(String),
    /// The source has tables of an older version of the program, and is read where it is.
    #[error("the database's tables are of an older version; bring them up to date with `llm-classroom migrate` first")]
    Older,
    /// After the copy a table isn't the same on both sides.
    #[error(
        "the table {table} is not the same on both sides: {} in the source, {} in the target; \
         make sure that nothing else uses these databases, and repeat the move", .source_side, .target_side
    )]
    Differs {
        /// The table.
        table: &'static str,
        /// What the source holds.
        source_side: TableChecksum,
        /// What the target holds.
        target_side: TableChecksum,
    },
    /// A database could not do what was asked of it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
