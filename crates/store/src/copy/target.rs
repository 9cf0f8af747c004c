//! The database that data is moved or restored to.

use sea_orm::TransactionTrait as _;

use super::CopyError;
use crate::{
    Options, Store, StoreError,
    file::{leftover_at, refusal, sqlite_path},
    inspect, migration,
};

impl Store {
    /// Opens a database to copy to, creating a SQLite file if missing. What isn't this program's is found before anything
    /// is changed.
    ///
    /// # Errors
    /// What [`Store::check_target_file`] meets, [`StoreError::Occupied`] and [`StoreError::Incomplete`], with nothing changed; otherwise
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

    /// Checks that no parts of another SQLite database lie where a new one is to be, since SQLite would read its log into
    /// the new file; and that the file may be opened.
    ///
    /// # Errors
    /// [`CopyError::Leftover`], or [`StoreError::Url`].
    pub fn check_target_file(url: &str) -> Result<(), CopyError> {
        if let Some(leftover) = leftover_at(url) {
            return Err(CopyError::Leftover(leftover));
        }
        sqlite_path(url).and_then(refusal).map_or(Ok(()), |reason| Err(StoreError::Url(reason).into()))
    }
}
