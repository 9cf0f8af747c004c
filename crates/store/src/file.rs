//! The identity of SQLite's files, to notice that one was deleted or replaced under the running program.

use std::{
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use sea_orm::DbErr;

use super::{StoreError, lock::resolve_links};

/// The device and inode of a file.
type Identity = (u64, u64);

/// The files of an open database.
pub(super) struct OpenedFile {
    path: PathBuf,
    identity: Identity,
    /// The write-ahead log. It stays the same file while a connection is open, and the readers always have one.
    log: PathBuf,
    /// Unset until the log is first seen.
    log_identity: OnceLock<Identity>,
}

/// What happened to a file of the database while the program runs.
#[derive(Debug, thiserror::Error)]
pub enum FileFault {
    /// The database file can't be reached: it was deleted or replaced, for example.
    #[error("{0}")]
    Database(String),
    /// SQLite's write-ahead log was deleted or replaced. SQLite goes on writing to the file that no path leads to.
    #[error(
        "SQLite's log {} was deleted or replaced while the program runs; what is in it is written to the database file: \
         restart the program", .0.display()
    )]
    Log(PathBuf),
}

impl From<FileFault> for StoreError {
    fn from(fault: FileFault) -> Self {
        Self::Unavailable(DbErr::Custom(fault.to_string()))
    }
}

impl OpenedFile {
    /// Stores the identity of the file at `path` and of its log.
    pub(super) async fn new(path: &Path) -> io::Result<Self> {
        // SQLite names the log by the path without links.
        let mut log = resolve_links(path).into_os_string();
        log.push("-wal");
        let file = Self {
            path: path.to_owned(),
            identity: identity(path).await?,
            log: log.into(),
            log_identity: OnceLock::new(),
        };
        file.is_log_in_place().await;
        Ok(file)
    }

    /// Checks that the paths still lead to the same files.
    pub(super) async fn check(&self) -> Result<(), FileFault> {
        match identity(&self.path).await {
            Ok(identity) if identity == self.identity => {}
            Ok(_) => {
                let reason = "the database file was replaced while the program runs; restart it";
                return Err(FileFault::Database(reason.to_owned()));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let reason = "the database file was deleted while the program runs; stop it, restore a backup and start it again";
                return Err(FileFault::Database(reason.to_owned()));
            }
            Err(error) => {
                return Err(FileFault::Database(format!("the database file can't be reached: {error}")));
            }
        }
        if self.is_log_in_place().await { Ok(()) } else { Err(FileFault::Log(self.log.clone())) }
    }

    /// `true` also while there is no log yet.
    async fn is_log_in_place(&self) -> bool {
        match (identity(&self.log).await, self.log_identity.get()) {
            (Ok(found), Some(known)) => found == *known,
            (Ok(found), None) => *self.log_identity.get_or_init(|| found) == found,
            (Err(error), Some(_)) => error.kind() != io::ErrorKind::NotFound,
            (Err(_), None) => true,
        }
    }
}

/// Why the database at `path` must not be opened, with the next step; `None` if it may.
pub(super) fn refusal(path: &Path) -> Option<String> {
    if let Some(leftover) = foreign_log(path) {
        return Some(format!(
            "{} is left of a database that isn't there any more and may hold its newest turns; put the database file \
             back, or move the left-over file to another folder",
            leftover.display()
        ));
    }
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    (metadata.nlink() > 1).then(|| {
        format!(
            "{} has {} names (hard links), and SQLite keeps a log of changes for each name, so turns would be lost; \
             remove the other names, or copy the database with llm-classroom migrate --from --to",
            path.display(),
            metadata.nlink()
        )
    })
}

/// What is left beside a missing file of another database; and the log beside an empty one. A journal beside an empty one
/// is that of its own making, which was broken off or goes on: SQLite undoes it.
fn foreign_log(path: &Path) -> Option<PathBuf> {
    let is_log = |leftover: &PathBuf| leftover.as_os_str().as_encoded_bytes().ends_with(b"-wal");
    match std::fs::metadata(path) {
        // Looked for once more, since another process may have made the file and its journal in between.
        Err(_) => leftover_of(path).filter(|_| !path.exists()),
        Ok(file) if file.len() == 0 => leftover_of(path).filter(is_log),
        Ok(_) => None,
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

async fn identity(path: &Path) -> io::Result<Identity> {
    let metadata = tokio::fs::metadata(path).await?;
    Ok((metadata.dev(), metadata.ino()))
}
