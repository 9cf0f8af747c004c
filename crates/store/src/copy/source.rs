//! The source of a move: a database that exists already.

use super::{CopyError, preflight};
use crate::{Options, Store, StoreError, inspect};

impl Store {
    /// Opens a database to copy from. Unlike [`Store::open_with`] it makes none; tables of an older version are brought
    /// up to date.
    ///
    /// # Errors
    /// [`CopyError::NoSource`] and [`CopyError::Served`], with nothing changed; otherwise what opening met.
    pub async fn open_source(url: &str, options: Options) -> Result<Self, CopyError> {
        if !has_tables(url, options).await? {
            return Err(CopyError::NoSource);
        }
        let store = Self::open_with(url, options).await?;
        match preflight::check_unserved(&store).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await?;
                Err(error)
            }
        }
    }
}

/// Whether there is a database with the program's tables.
async fn has_tables(url: &str, options: Options) -> Result<bool, StoreError> {
    let Some(database) = inspect::connect(url, options.acquire_timeout).await? else { return Ok(false) };
    let found = inspect::has_tables(&database).await;
    database.close().await?;
    found
}
