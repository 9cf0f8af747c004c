//! Check of the backups: their age and the folder's owner.

use std::{
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::timeout;

use super::{
    database,
    finding::{Finding, State, Subject},
};
use crate::{backup, config::Config};
use store::sqlite_path;

/// Age in seconds above which a daily backup was missed.
const MAX_AGE: i64 = 26 * 60 * 60;
/// How long the folder or bucket may take to answer.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn check(config: &Config) -> Finding {
    let store = backup::without_keys(&config.backup.backup_url);
    let finding = |state, code| Finding::new(Subject::Backup, state, code).with("place", &store);
    let data = sqlite_path(config.database.url()).and_then(Path::parent).and_then(database::owner);
    let own = backup::folder_of(&config.backup.backup_url).and_then(database::owner);
    if own.zip(data).is_some_and(|(own, data)| own != data) {
        return finding(State::Failed, "backup-owner");
    }
    let newest = timeout(TIMEOUT, backup::newest(&config.backup.backup_url)).await;
    match newest.unwrap_or_else(|_| Err(anyhow::anyhow!("it does not answer"))) {
        Ok(Some(name)) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
            let age = now - name.moment();
            let (state, code) = if age > MAX_AGE { (State::Warning, "backup-old") } else { (State::Ok, "backup-ok") };
            finding(state, code).with("hours", age / 3600).with("name", name.as_str())
        }
        Ok(None) => finding(State::Note, "backup-none"),
        Err(error) => finding(State::Failed, "backup-unreachable").with("error", format!("{error:#}")),
    }
}
