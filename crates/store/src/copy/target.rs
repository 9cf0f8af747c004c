//! The database that data is moved or restored to.

use sea_orm::TransactionTrait as _;

use super::CopyError;
use crate::{Options, Store, StoreError, file::leftover_at, inspect, migration};

impl Store {
    /// Opens a database to copy to, creating a SQLite file if missing. What isn't this program's is found before anything
    /// is changed.
    ///
    /// # Errors
    /// [`CopyError::Leftover`], [`StoreError::Occupied`] and [`StoreError::Incomplete`], with nothing changed; otherwise
    /// what opening met.
    pub async fn open_target(url: &str, options: Options) -> Result<Self, CopyError> {
        Self::check_target_file(url)?;
        if let Some(database) = inspect::connect(url, options.acquire_timeout).await? {
            let reading = database.begin().await.map_err(StoreError::from)?;
            let checked = migration::check_tables(&reading).await;
            reading.rollback().await.map_err(StoreError::from)?;
            database.close().await.map_err(StoreError::from)?;
            checked?;
        }
        Ok(Self::open_with(url, options).await?)
    }

    /// Checks that no parts of another SQLite database lie where a new one is to be. SQLite would read its log into the
    /// new file.
    ///
    /// # Errors
    /// [`CopyError::Leftover`].
    pub fn check_target_file(url: &str) -> Result<(), CopyError> {
        leftover_at(url).map_or(Ok(()), |leftover| Err(CopyError::Leftover(leftover)))
    }
}
