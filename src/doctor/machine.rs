//! Checks of this machine: disk, memory, clock.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::finding::{Finding, State, Subject};
use crate::config::Config;
use store::sqlite_path;

const MIB: u64 = 1024 * 1024;
/// Free disk space below which SQLite may fail during a class: its log grows by some MiB an hour, and a backup needs the
/// size of the database again.
const DISK_FULL: u64 = 200 * MIB;
const DISK_LOW: u64 = 1024 * MIB;
/// Free memory below which the kernel may kill programs. This one uses 22 MiB idle, and 0.2 MiB for each running turn.
const MEMORY_LOW: u64 = 100 * MIB;
/// Difference of clocks that breaks TLS and the days of the token budget.
const CLOCK_OFF: Duration = Duration::from_secs(60);

/// Checks the free space on the disk of the database, or of this folder.
pub(super) fn disk(config: &Config) -> Finding {
    let file = sqlite_path(config.database.url());
    let folder = file.and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default();
    // Before the first start the folder may not exist.
    let folder =
        folder.ancestors().find(|folder| folder.exists()).map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
    // The operator may have started the program elsewhere: "." says nothing.
    let folder = folder.canonicalize().unwrap_or(folder);
    let finding = |state, code, free: u64| {
        Finding::new(Subject::Disk, state, code).with("free", free / MIB).with("path", folder.display())
    };
    match rustix::fs::statvfs(&folder) {
        Ok(disk) => match disk.f_bavail * disk.f_frsize {
            free @ ..DISK_FULL => finding(State::Failed, "disk-full", free),
            free @ DISK_FULL..DISK_LOW => finding(State::Warning, "disk-low", free),
            free => finding(State::Ok, "disk-ok", free),
        },
        Err(_) => finding(State::Warning, "disk-unknown", 0),
    }
}

/// Checks the free memory.
pub(super) fn memory() -> Option<Finding> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let free = line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024;
    let (state, code) = if free < MEMORY_LOW { (State::Warning, "memory-low") } else { (State::Ok, "memory-ok") };
    Some(Finding::new(Subject::Memory, state, code).with("free", free / MIB))
}

/// Compares this machine's clock with others, in milliseconds since 1970. Reading them may take a second.
pub(super) fn clock(others: &[(&'static str, i64)]) -> Option<Finding> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_millis();
    let off = |other: i64| Duration::from_millis(i64::try_from(now).unwrap_or(i64::MAX).abs_diff(other));
    let (who, worst) = others.iter().map(|&(who, other)| (who, off(other))).max_by_key(|&(_, off)| off)?;
    let (state, code) = if worst > CLOCK_OFF { (State::Failed, "clock-off") } else { (State::Ok, "clock-ok") };
    Some(Finding::new(Subject::Clock, state, code).with("who", who).with("seconds", worst.as_secs()))
}
