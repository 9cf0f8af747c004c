//! The temporary folder in which a backup is packed or unpacked. It holds conversations in plain text, so only this user
//! can read it, and it is removed after use.

use std::{
    env,
    fs::{self, File},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use tempfile::TempDir;

const PREFIX: &str = "llm-classroom-backup-";
/// After this time the creator of a folder has locked it.
const LOCKED_WITHIN: Duration = Duration::from_secs(60);

/// A folder in TMPDIR that is removed when dropped. If the process is killed, the next [`Self::open`] removes it.
#[derive(Debug)]
pub struct ScratchDir {
    folder: TempDir,
    /// The operating system releases it when the process ends, however it ends.
    _lock: File,
}

impl ScratchDir {
    /// Creates one, and removes those whose processes have ended.
    ///
    /// # Errors
    /// When TMPDIR can't be written to.
    pub fn open() -> anyhow::Result<Self> {
        remove_left_overs();
        let folder = tempfile::Builder::new().prefix(PREFIX).permissions(fs::Permissions::from_mode(0o700)).tempdir();
        let folder = folder.context("no temporary folder can be made; check TMPDIR")?;
        let lock = File::open(folder.path()).context("the temporary folder can't be read")?;
        lock.lock().context("the temporary folder can't be locked")?;
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Ignores failures: the folder belongs to another user, or is removed the next time.
fn remove_left_overs() {
    let Ok(entries) = fs::read_dir(env::temp_dir()) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_ours && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_left_over(&entry.path()) {
            _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_left_over(folder: &Path) -> bool {
    let made = fs::metadata(folder).and_then(|known| known.modified());
    let is_settled = made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age > LOCKED_WITHIN));
    is_settled && File::open(folder).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn age(folder: &Path) {
        let long_ago = SystemTime::now() - 2 * LOCKED_WITHIN;
        File::open(folder).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn only_a_folder_whose_process_has_ended_is_left_over() {
        let scratch = ScratchDir::open().unwrap();
        assert_eq!(fs::metadata(scratch.path()).unwrap().permissions().mode() & 0o777, 0o700);
        age(scratch.path());
        assert!(!is_left_over(scratch.path()), "it is in use");
        let ScratchDir { folder, _lock } = scratch;
        drop(_lock);
        assert!(is_left_over(folder.path()));
        fs::write(folder.path().join("new"), "").unwrap();
        assert!(!is_left_over(folder.path()), "it may have been made a moment ago");
        age(folder.path());
        let path = folder.keep();
        drop(ScratchDir::open().unwrap());
        assert!(!path.exists());
    }
}
