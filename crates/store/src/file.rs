//! The identity of SQLite's file, to notice that it was deleted or replaced under the running program.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use sea_orm::DbErr;

use super::StoreError;

/// A file that was opened, known by its device and inode.
pub(super) struct OpenedFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl OpenedFile {
    /// Notes the identity of the file at `path`.
    pub(super) async fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), identity: identity(path).await? })
    }

    /// Checks that the path still leads to the same file.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        match identity(&self.path).await {
            Ok(identity) if identity == self.identity => Ok(()),
            Ok(_) => Err(unavailable("the database file was replaced while the program runs; restart it")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(unavailable(
                "the database file was deleted while the program runs; stop it, restore a backup and start it again",
            )),
            Err(error) => Err(unavailable(&format!("the database file can't be reached: {error}"))),
        }
    }
}

/// The path of the SQLite file that a database URL names.
#[must_use]
pub fn sqlite_path(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    Some(Path::new(path.strip_prefix("//").unwrap_or(path)))
}

/// What is left of another database beside the place that a URL names, if that is a missing or empty SQLite file.
pub(super) fn leftover_at(url: &str) -> Option<PathBuf> {
    let path = sqlite_path(url)?;
    let is_empty = std::fs::metadata(path).map_or(true, |file| file.len() == 0);
    is_empty.then(|| leftover_of(path)).flatten()
}

/// What is left beside `path` of another database: its log, the log's index or its journal. SQLite would take them for parts
/// of a new file there.
pub(super) fn leftover_of(path: &Path) -> Option<PathBuf> {
    ["-wal", "-shm", "-journal"].into_iter().find_map(|part| {
        let mut leftover = path.as_os_str().to_owned();
        leftover.push(part);
        let leftover = PathBuf::from(leftover);
        leftover.exists().then_some(leftover)
    })
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(DbErr::Custom(reason.to_owned()))
}

async fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = tokio::fs::metadata(path).await?;
    Ok((metadata.dev(), metadata.ino()))
}
