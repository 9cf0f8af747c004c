//! The database a school moves from: it has to be there already.

use super::{CopyError, fitness};
use crate::{Options, Store, StoreError, look};

impl Store {
    /// Opens a database to copy from. Unlike [`Store::open_with`] it makes none; tables of an older version are brought
    /// up to date.
    ///
    /// # Errors
    /// [`CopyError::NoSource`] and [`CopyError::Served`], with nothing changed; otherwise what opening met.
    pub async fn open_source(url: &str, options: Options) -> Result<Self, CopyError> {
        if !holds_school(url, options).await? {
            return Err(CopyError::NoSource);
        }
        let store = Self::open_with(url, options).await?;
        match fitness::check_unserved(&store).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await?;
                Err(error)
            }
        }
    }
}

/// Whether there is a database with a school's tables.
async fn holds_school(url: &str, options: Options) -> Result<bool, StoreError> {
    let Some(database) = look::connect(url, options.acquire_timeout).await? else { return Ok(false) };
    let found = look::holds_school(&database).await;
    database.close().await?;
    found
}
