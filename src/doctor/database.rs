//! Whether the database can be reached, is sound, and fits this version.

use std::{io::ErrorKind, os::unix::fs::MetadataExt as _, path::Path, time::Duration};

use secrecy::ExposeSecret;
use tokio::time::timeout;

use super::finding::{Finding, State, Subject};
use crate::config::Config;
use store::{DatabaseEngine, DatabaseReport, Store, StoreError, Tables, sqlite_path};

/// How long PostgreSQL may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found, and the database server's clock in milliseconds since 1970.
pub(super) async fn check(config: &Config) -> (Vec<Finding>, Option<i64>) {
    let url = config.database_url.expose_secret();
    let file = sqlite_path(url);
    if let Some(path) = file
        && let Err(error) = tokio::fs::metadata(path).await
        && error.kind() == ErrorKind::PermissionDenied
    {
        return (vec![finding(State::Failed, "database-forbidden").with("path", path.display())], None);
    }
    // Root may do what the service may not.
    if let Some(path) = file
        && let Some(folder) = path.parent()
        && owner(path).zip(owner(folder)).is_some_and(|(file, folder)| file != folder)
    {
        return (vec![finding(State::Failed, "database-owner").with("path", path.display())], None);
    }
    // A large file takes its time to be looked through; a server that is silent so long waits for a lock, or is lost.
    let report = match file {
        Some(_) => Store::inspect(url, PATIENCE).await,
        None => match timeout(2 * PATIENCE, Store::inspect(url, PATIENCE)).await {
            Ok(report) => report,
            Err(_) => return (vec![finding(State::Failed, "database-silent")], None),
        },
    };
    match report {
        Ok(None) => (vec![finding(State::Note, "database-missing").with("path", path_of(file))], None),
        Ok(Some(report)) => (judge(&report, file), report.clock),
        // A read-only folder lets SQLite open no log of changes.
        Err(error) => match file.and_then(denied_writing) {
            Some(path) => (vec![finding(State::Failed, "database-read-only").with("path", path)], None),
            None => (vec![failure(&error, file)], None),
        },
    }
}

/// The number of the user whose it is, if it's there.
pub(super) fn owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|known| known.uid())
}

fn judge(report: &DatabaseReport, file: Option<&Path>) -> Vec<Finding> {
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
    // The cause's own words: they name the host, the user or the file, and never the password.
    finding(State::Failed, code).with("path", path_of(file)).with("error", cause)
}

/// The file or folder of the database in which this user may not write: SQLite makes files beside its own.
fn denied_writing(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let may = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
    [path, folder].into_iter().find(|path| !may(path)).map(|path| path.display().to_string())
}

fn path_of(file: Option<&Path>) -> String {
    file.map(|path| path.display().to_string()).unwrap_or_default()
}

fn finding(state: State, code: &'static str) -> Finding {
    Finding::new(Subject::Database, state, code)
}
