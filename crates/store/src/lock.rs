//! The operating system's lock on an SQLite database: one process serves it, restores it or moves it at a time.
//!
//! The lock is on a file of its own, `DATABASE.lock`. SQLite locks the database file itself with POSIX locks, and those
//! are lost as soon as any descriptor of that file is closed in the process. The kernel releases the lock when the
//! process ends, however it ends. The file stays: if it were deleted, two processes could each lock another file of
//! that name.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;
use tokio::time::Instant;

use super::file::sqlite_path;

/// How often a lock that another process holds is tried again.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);
/// Most bytes that are read of what the holder wrote of itself.
const MAX_HOLDER_BYTES: u64 = 200;
/// Most symbolic links that are followed, as in Linux.
const MAX_LINKS: u32 = 40;

/// An exclusive lock on an SQLite database, released when it's dropped.
#[derive(Debug)]
pub struct DatabaseLock {
    /// The database, without links.
    path: PathBuf,
    /// Holds the lock.
    _file: File,
}

/// Another process holds the lock.
#[derive(Debug, thiserror::Error)]
#[error(
    "SQLite at {} is being served at this moment by another llm-classroom, {holder}, which goes on undisturbed; stop that one \
     first (systemctl stop llm-classroom, where systemd started it), or name another database", .path.display()
)]
pub struct DatabaseInUse {
    /// The database.
    path: PathBuf,
    /// What the holder calls itself.
    holder: String,
}

impl DatabaseLock {
    /// Locks the SQLite database that `url` names, and waits up to `wait_limit` for a process that holds the lock.
    /// `purpose` says what this process does, for the error of other processes.
    ///
    /// `None` for PostgreSQL, which has locks of its own, and for a file system that can't lock, which is logged.
    ///
    /// # Errors
    /// [`DatabaseInUse`] when another process still holds the lock.
    pub async fn acquire(url: &str, purpose: &str, wait_limit: Duration) -> Result<Option<Self>, DatabaseInUse> {
        let Some(path) = sqlite_path(url) else { return Ok(None) };
        if path.file_name().is_none() || path == ":memory:" || url.contains('?') {
            // Opening it says what is wrong with it.
            return Ok(None);
        }
        let (path, real) = (path.to_owned(), resolve_links(path));
        let mut lock = real.clone().into_os_string();
        lock.push(".lock");
        let deadline = Instant::now() + wait_limit;
        let mut is_waiting = false;
        loop {
            match try_lock(Path::new(&lock)) {
                Ok(mut file) => {
                    if let Err(error) = describe(&mut file, purpose) {
                        tracing::debug!(%error, "the lock of the database could not be described");
                    }
                    return Ok(Some(Self { path: real, _file: file }));
                }
                Err(Failure::Held { holder }) if Instant::now() >= deadline => {
                    return Err(DatabaseInUse { path, holder });
                }
                Err(Failure::Held { holder }) => {
                    if !std::mem::replace(&mut is_waiting, true) {
                        tracing::info!(holder, "another process still holds the database; waiting for its end");
                    }
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                Err(Failure::Unsupported(error)) => {
                    tracing::warn!(
                        lock = %Path::new(&lock).display(),
                        %error,
                        "the database can't be locked, so nothing keeps a second process from serving it; start only one"
                    );
                    return Ok(None);
                }
            }
        }
    }

    /// Whether this is the lock of the database that `url` names.
    #[must_use]
    pub fn is_of(&self, url: &str) -> bool {
        sqlite_path(url).is_some_and(|path| resolve_links(path) == self.path)
    }
}

enum Failure {
    /// By a process that calls itself so.
    Held { holder: String },
    /// The file can't be made or locked: a read-only folder, or a network file system without locks.
    Unsupported(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Unsupported(error)
    }
}

fn try_lock(path: &Path) -> Result<File, Failure> {
    if let Some(folder) = folder_of(path) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = open(path)?;
    match file.try_lock() {
        Ok(()) => {
            change_owner(&file, path);
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(Failure::Held { holder: holder(&mut file) }),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Opens the lock's file, or makes it: for writing, which locks over NFS need, and without emptying it, since another
/// process may have described itself in it. What the owner of the folder may have put in its place to make root write
/// elsewhere, a link, is refused.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() > 1 {
        return Err(io::Error::other("it is a link, or no regular file; remove it"));
    }
    Ok(file)
}

/// Whoever serves from this folder must be able to open a lock that root made.
fn change_owner(file: &File, path: &Path) {
    let given = || -> io::Result<()> {
        let folder = std::fs::metadata(folder_of(path).unwrap_or(Path::new(".")))?;
        if rustix::process::geteuid().is_root() && file.metadata()?.uid() != folder.uid() {
            fchown(file, Some(folder.uid()), Some(folder.gid()))?;
        }
        Ok(())
    };
    if let Err(error) = given() {
        tracing::warn!(lock = %path.display(), %error, "the lock could not be given to the owner of its folder");
    }
}

/// Writes who holds the lock, for the error of other processes.
fn describe(file: &mut File, purpose: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "process {} ({purpose})", std::process::id())
}

/// What the holder wrote of itself, on one line. It may not have written it yet.
fn holder(file: &mut File) -> String {
    let mut bytes = Vec::new();
    _ = file.take(MAX_HOLDER_BYTES).read_to_end(&mut bytes);
    let holder: String = String::from_utf8_lossy(&bytes).chars().filter(|char| !char.is_control()).collect();
    if holder.is_empty() { "whose process number is not known".to_owned() } else { holder }
}

/// The path without symbolic links, also when there is no such file yet, so that each spelling leads to one lock.
pub(super) fn resolve_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { break };
        path = folder_of(&path).unwrap_or(Path::new("")).join(target);
    }
    let folder = folder_of(&path).unwrap_or(Path::new("."));
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

fn folder_of(path: &Path) -> Option<&Path> {
    path.parent().filter(|folder| !folder.as_os_str().is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    async fn acquire(path: &Path) -> Result<Option<DatabaseLock>, DatabaseInUse> {
        DatabaseLock::acquire(&format!("sqlite://{}", path.display()), "test", Duration::ZERO).await
    }

    #[tokio::test]
    async fn one_lock_is_held_at_a_time_whatever_the_spelling_of_the_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("sub")).unwrap();
        std::os::unix::fs::symlink("school.db", at("link.db")).unwrap();
        std::os::unix::fs::symlink(at("link.db"), at("sub/link.db")).unwrap();
        std::os::unix::fs::symlink(folder.path(), at("folder")).unwrap();
        for exists in [false, true] {
            if exists {
                File::create(at("school.db")).unwrap();
            }
            let lock = acquire(&at("school.db")).await.unwrap().unwrap();
            for spelling in ["school.db", "sub/../school.db", "link.db", "sub/link.db", "folder/school.db"] {
                let refused = acquire(&at(spelling)).await.unwrap_err().to_string();
                assert!(refused.contains(&format!("process {} (test)", std::process::id())), "{spelling}: {refused}");
                assert!(refused.contains(&format!("{spelling} is being served")), "{spelling}: {refused}");
            }
            let other = acquire(&at("other.db")).await.unwrap();
            assert!(other.is_some());
            drop(lock);
            acquire(&at("link.db")).await.unwrap().unwrap();
        }
        let mode = std::fs::metadata(at("school.db.lock")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_lock_that_is_released_in_time_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("school.db");
        let url = format!("sqlite://{}", path.display());
        let lock = acquire(&path).await.unwrap();
        let (acquired, ()) = tokio::join!(DatabaseLock::acquire(&url, "next", Duration::from_secs(60)), async {
            assert!(acquire(&path).await.is_err());
            drop(lock);
        });
        let _lock = acquired.unwrap().unwrap();
        assert!(acquire(&path).await.unwrap_err().to_string().contains("(next)"));
    }

    #[tokio::test]
    async fn a_place_that_cannot_hold_a_lock_is_no_hindrance() {
        let folder = tempfile::tempdir().unwrap();
        // A directory can't be opened for writing, for root neither.
        std::fs::create_dir(folder.path().join("school.db.lock")).unwrap();
        assert!(acquire(&folder.path().join("school.db")).await.unwrap().is_none());
        assert!(acquire(Path::new("/proc/nowhere/school.db")).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_link_in_place_of_the_lock_leads_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let (precious, lock) = (folder.path().join("precious"), folder.path().join("school.db.lock"));
        std::fs::write(&precious, "precious").unwrap();
        for link in [std::os::unix::fs::symlink::<&Path, &Path>, std::fs::hard_link] {
            link(&precious, &lock).unwrap();
            assert!(acquire(&folder.path().join("school.db")).await.unwrap().is_none());
            assert_eq!(std::fs::read(&precious).unwrap(), b"precious");
            std::fs::remove_file(&lock).unwrap();
        }
    }

    #[tokio::test]
    async fn a_url_that_names_no_file_leaves_no_lock_behind() {
        for url in ["sqlite://", "sqlite::memory:", "sqlite://school.db?mode=memory"] {
            assert!(DatabaseLock::acquire(url, "test", Duration::ZERO).await.unwrap().is_none(), "{url}");
        }
        assert!(!Path::new(".lock").exists() && !Path::new(":memory:.lock").exists());
    }

    #[tokio::test]
    async fn postgresql_needs_no_lock_file() {
        let lock = DatabaseLock::acquire("postgres://localhost/school", "test", Duration::ZERO).await;
        assert!(lock.unwrap().is_none());
    }
}
