//! Check of the database: connection, damage, tables and permissions.

use std::{io::ErrorKind, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use tokio::time::timeout;

use super::finding::{Finding, State, Subject};
use crate::config::Config;
use store::{DatabaseEngine, DatabaseReport, Store, StoreError, Tables, sqlite_path};

/// How long PostgreSQL may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Returns the findings, and the database server's clock in milliseconds since 1970.
pub(super) async fn check(config: &Config) -> (Vec<Finding>, Option<i64>) {
    let url = config.database.url();
    let file = sqlite_path(url);
    if let Some(path) = file
        && let Err(error) = tokio::fs::metadata(path).await
        && error.kind() == ErrorKind::PermissionDenied
    {
        return (vec![finding(State::Failed, "database-forbidden").with("path", path.display())], None);
    }
    // Root can write here although the service can't.
    if let Some(path) = file
        && let Some(folder) = path.parent()
        && owner(path).zip(owner(folder)).is_some_and(|(file, folder)| file != folder)
    {
        return (vec![finding(State::Failed, "database-owner").with("path", path.display())], None);
    }
    // Checking a large file takes long. A server that takes this long waits for a lock or can't be reached.
    let report = match file {
        Some(_) => Store::inspect(url, TIMEOUT).await,
        None => match timeout(2 * TIMEOUT, Store::inspect(url, TIMEOUT)).await {
            Ok(report) => report,
            Err(_) => return (vec![finding(State::Failed, "database-silent")], None),
        },
    };
    match report {
        Ok(None) => (vec![finding(State::Note, "database-missing").with("path", path_of(file))], None),
        Ok(Some(report)) => (findings_of(&report, file), report.clock),
        // SQLite can't open its write-ahead log in a read-only folder.
        Err(error) => match file.and_then(denied_writing) {
            Some(path) => (vec![finding(State::Failed, "database-read-only").with("path", path)], None),
            None => (vec![failure(&error, file)], None),
        },
    }
}

/// The id of the user who owns a file, if it exists.
pub(super) fn owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|metadata| metadata.uid())
}

fn findings_of(report: &DatabaseReport, file: Option<&Path>) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(damage) = &report.damage {
        found.push(finding(State::Failed, "database-damaged").with("damage", damage).with("path", path_of(file)));
    }
    match report.tables {
        Tables::Current => {}
        Tables::None => found.push(finding(State::Note, "database-empty")),
        Tables::Older => found.push(finding(State::Note, "database-older")),
        Tables::Newer => found.push(finding(State::Warning, "database-newer")),
    }
    if let Some((used, most)) = report.connections
        && used * 10 > most * 8
    {
        found.push(finding(State::Warning, "database-crowded").with("used", used).with("most", most));
    }
    if let Some(path) = file
        && let Some(denied) = denied_writing(path)
    {
        found.push(finding(State::Failed, "database-read-only").with("path", denied));
    } else if let Some(error) = &report.write_error {
        found.push(finding(State::Failed, "database-write").with("path", path_of(file)).with("error", error));
    }
    if found.iter().all(|finding| finding.state < State::Warning) {
        let place = match report.engine {
            DatabaseEngine::Sqlite => path_of(file),
            DatabaseEngine::Postgres => "PostgreSQL".to_owned(),
        };
        found.insert(0, finding(State::Ok, "database-ok").with("place", place));
    }
    found
}

fn failure(error: &StoreError, file: Option<&Path>) -> Finding {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let code = match file {
        Some(_) => "database-unreadable",
        None => "database-unreachable",
    };
    // The root cause names the host, the user or the file, and never the password.
    finding(State::Failed, code).with("path", path_of(file)).with("error", cause)
}

/// The file of the database or its folder if this user can't write there. SQLite creates files beside its own.
fn denied_writing(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let is_writable = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    [path, folder].into_iter().find(|path| !is_writable(path)).map(|path| path.display().to_string())
}

fn path_of(file: Option<&Path>) -> String {
    file.map(|path| path.display().to_string()).unwrap_or_default()
}

fn finding(state: State, code: &'static str) -> Finding {
    Finding::new(Subject::Database, state, code)
}
