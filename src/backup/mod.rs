//! Backups: all data as of one moment in a portable file, and its restoration into an empty database of either kind.
//!
//! `snapshot` (in the store) → `archive` (compressed, encrypted) → `backup_store` (folder or S3), with a `manifest` beside it that
//! is written last. A backup counts only when it was read back and is what was written.

mod archive;
mod backup_store;
mod manifest;
mod owner;
mod scratch_dir;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};

pub use backup_store::{BackupStore, StoredBackup, folder_of, without_keys};
pub use manifest::{Manifest, Name};

use crate::config::BackupCommandConfig;
use manifest::Rows;
use owner::refuse_root;
use scratch_dir::ScratchDir;
use store::{DatabaseEngine, DatabaseLock, Options, Store, TableChecksum, Tables, sqlite_path};

/// Few connections, because a backup runs while classes are served.
const OPTIONS: fn() -> Options = || Options { postgres_connections: 2, sqlite_readers: 1, ..Options::default() };

/// The refusal to restore into a database that holds data or is served.
const INTO_EMPTY_ONLY: &str = "a backup is restored into an empty database only, and nothing was changed";

/// Makes a backup, reads it back, and removes the oldest beyond BACKUP_KEEP.
///
/// # Errors
/// When a step fails; the text names the fix. Older backups are removed only after the new one was read back.
pub async fn make(config: &BackupCommandConfig) -> anyhow::Result<(Name, Manifest)> {
    let store = BackupStore::open(&config.backup.backup_url)?;
    if let Some(folder) = store.folder() {
        refuse_root(folder)?;
    }
    let recipient = config.backup.backup_public_key.as_deref().filter(|key| !key.trim().is_empty());
    let recipient = recipient.map(archive::recipient).transpose()?;
    let scratch = ScratchDir::open()?;
    let (database, packed) = (scratch.path().join("database.db"), scratch.path().join("packed"));
    let url = config.database.url();
    let tables = Store::snapshot(url, &database, OPTIONS()).await.context("the database can't be read")?;
    let (plain, stored) = {
        let (database, packed, recipient) = (database.clone(), packed.clone(), recipient.clone());
        run_blocking(move || {
            archive::pack(&database, &packed, recipient.as_ref())?;
            Ok((archive::digest_file(&database)?, archive::digest_file(&packed)?))
        })
        .await
        .context("the backup can't be packed; see whether the disk of TMPDIR has room for the database twice")?
    };
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: DatabaseEngine::of_url(url).context("DATABASE_URL is of no known kind")?.to_string(),
        bytes: stored.bytes,
        sha256: stored.sha256,
        database_bytes: plain.bytes,
        database_sha256: plain.sha256,
        encrypted_to: recipient.map(|key| key.to_string()),
        tables: rows(&tables),
    };
    let name = Name::now()?;
    store.put(&name, &manifest, &packed).await?;
    // A backup that can't be read back now couldn't be restored later.
    let again = scratch.path().join("again");
    store.get(&name, &manifest, &again).await?;
    check_stored(&manifest, &again)?;
    store.confirm(&name, &manifest).await?;
    store.prune(&name, config.backup.backup_keep as usize).await?;
    Ok((name, manifest))
}

/// How much a verification checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// Every row.
    Wholly,
    /// The checksum of the stored object. It is encrypted, and there is no key to decrypt it.
    Stored,
}

/// Reads a backup and checks it as far as it can be decrypted.
///
/// # Errors
/// When it is damaged or can't be read; the text says which.
pub async fn verify(config: &BackupCommandConfig, which: &str) -> anyhow::Result<(Name, Verified)> {
    let store = BackupStore::open(&config.backup.backup_url)?;
    let StoredBackup { name, manifest, .. } = find(&store, which).await?;
    let scratch = ScratchDir::open()?;
    if manifest.encrypted_to.is_some() && config.backup.identity_file().is_none() {
        let stored = scratch.path().join("stored");
        store.get(&name, &manifest, &stored).await?;
        check_stored(&manifest, &stored)?;
        return Ok((name, Verified::Stored));
    }
    let store = open(config, &store, &name, &manifest, scratch.path()).await?;
    store.close().await?;
    Ok((name, Verified::Wholly))
}

/// Restores a backup into the database of the settings, which has to be empty. Returns the checksum of each table.
///
/// # Errors
/// When the backup is damaged, or the database holds something that would be lost. In both cases, and when the process is
/// ended before it finishes, the database is unchanged.
pub async fn restore(
    config: &BackupCommandConfig,
    which: &str,
) -> anyhow::Result<(Name, Vec<(&'static str, TableChecksum)>)> {
    let store = BackupStore::open(&config.backup.backup_url)?;
    let StoredBackup { name, manifest, .. } = find(&store, which).await?;
    let url = config.database.url();
    let lock = DatabaseLock::acquire(url, "restore", Duration::ZERO).await;
    let _lock = lock.context(INTO_EMPTY_ONLY)?;
    let scratch = ScratchDir::open()?;
    let source = open(config, &store, &name, &manifest, scratch.path()).await?;
    Store::check_target_file(url)?;
    if let Some(target) = new_file(url) {
        target.parent().map(refuse_root).transpose()?;
        let tables = source.table_checksums().await?;
        source.close().await?;
        let database = scratch.path().join("database.db");
        run_blocking(move || put_in_place(&database, &target)).await.context("the database can't be written")?;
        let restored = Store::open_with(url, OPTIONS()).await.context("the restored database can't be opened")?;
        let (found, damage) = (restored.table_checksums().await?, restored.find_damage().await?);
        restored.close().await?;
        ensure!(
            found == tables && damage.is_none(),
            "the restored database isn't the one of the backup; don't use it, and restore again {}",
            damage.unwrap_or_default()
        );
        return Ok((name, tables));
    }
    let target = Store::open_target(url, OPTIONS()).await;
    let target = target.context("the database to restore into can't be opened; check DATABASE_URL")?;
    let tables = target.fill_from(&source).await;
    let damage = target.find_damage().await;
    target.close().await?;
    source.close().await?;
    let tables = tables.context(INTO_EMPTY_ONLY)?;
    if let Some(damage) = damage? {
        bail!("the restored database is damaged; don't use it, and restore into a new one: {damage}");
    }
    Ok((name, tables))
}

/// How often a running server reads the time of its newest backup.
const CHECK_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Sets the metric of the newest backup's time at every interval. Sets nothing while there is no backup. Never returns.
pub async fn watch(url: String) {
    let mut interval = tokio::time::interval(CHECK_INTERVAL);
    loop {
        interval.tick().await;
        match newest(&url).await {
            Ok(Some(name)) => {
                #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
                metrics::gauge!("backup_last_success_timestamp_seconds").set(name.moment() as f64);
            }
            Err(error) => {
                tracing::debug!(error = format!("{error:#}"), "the backups can't be listed")
            }
            Ok(None) => {}
        }
    }
}

/// The newest backup's name.
///
/// # Errors
/// When the store can't be read.
pub async fn newest(url: &str) -> anyhow::Result<Option<Name>> {
    let Some(store) = BackupStore::existing(url)? else { return Ok(None) };
    store.newest_complete().await
}

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_gauge!(
        "backup_last_success_timestamp_seconds",
        metrics::Unit::Seconds,
        "When the newest backup was made, in seconds since 1970; only where there is one"
    );
}

/// The SQLite file that a URL names, if it isn't there yet.
fn new_file(url: &str) -> Option<PathBuf> {
    sqlite_path(url).filter(|path| !path.exists()).map(Path::to_owned)
}

/// Writes the database atomically, readable only by this user.
fn put_in_place(database: &Path, target: &Path) -> anyhow::Result<()> {
    if let Some(folder) = target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let unfinished = target.with_extension("restoring");
    fs::copy(database, &unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o600))?;
    File::open(&unfinished)?.sync_all()?;
    Ok(fs::rename(&unfinished, target)?)
}

/// Finds the backup of that name, or the newest for `latest`. Refuses a damaged backup instead of taking an older one, which
/// would silently lose a day of work.
async fn find(store: &BackupStore, which: &str) -> anyhow::Result<StoredBackup> {
    let backups = store.backups().await?;
    ensure!(!backups.is_empty(), "there is no backup in {}", store.describe());
    let mut found = backups.into_iter().filter(|backup| which == "latest" || backup.name.as_str() == which);
    let Some(backup) = found.next() else {
        bail!("there is no backup {which:?} in {}; `backup list` shows them", store.describe());
    };
    ensure!(
        backup.is_complete(),
        "the backup {} is damaged: {} of its {} bytes are there; name another one, which `backup list` shows",
        backup.name.as_str(),
        backup.stored,
        backup.manifest.bytes
    );
    Ok(backup)
}

/// A backup's database, checked to the last row, in a file in `folder`.
async fn open(
    config: &BackupCommandConfig,
    store: &BackupStore,
    name: &Name,
    manifest: &Manifest,
    folder: &Path,
) -> anyhow::Result<Store> {
    let (stored, database) = (folder.join("stored"), folder.join("database.db"));
    store.get(name, manifest, &stored).await?;
    check_stored(manifest, &stored)?;
    let identity = match (&manifest.encrypted_to, config.backup.identity_file()) {
        (None, _) => None,
        (Some(_), Some(identity)) => Some(identity),
        (Some(key), None) => bail!("the backup is encrypted to {key}; name its private key in BACKUP_IDENTITY_FILE"),
    };
    let plain = {
        let (database, most) = (database.clone(), manifest.database_bytes);
        run_blocking(move || {
            archive::unpack(&stored, &database, most, identity.as_deref())?;
            Ok(archive::digest_file(&database)?)
        })
        .await?
    };
    let is_same = (plain.bytes, &plain.sha256) == (manifest.database_bytes, &manifest.database_sha256);
    ensure!(is_same, "the backup {} is damaged: its database isn't the one that was saved", name.as_str());
    let url = format!("sqlite://{}", database.display());
    let report = Store::inspect(&url, OPTIONS().acquire_timeout).await?;
    let report = report.context("the backup holds no database")?;
    if let Some(damage) = report.damage {
        bail!("the backup's database is damaged: {damage}");
    }
    let store = Store::open_with(&url, OPTIONS()).await.context("the backup's database can't be opened")?;
    // Opening brings older tables up to date, and rows with a column more have other checksums.
    if report.tables == Tables::Current {
        let tables = rows(&store.table_checksums().await?);
        ensure!(tables == manifest.tables, "the backup {} doesn't hold what its manifest lists", name.as_str());
    }
    Ok(store)
}

fn check_stored(manifest: &Manifest, file: &Path) -> anyhow::Result<()> {
    let found = archive::digest_file(file)?;
    ensure!(
        (found.bytes, &found.sha256) == (manifest.bytes, &manifest.sha256),
        "the backup is damaged: what is stored isn't what was written; use another one"
    );
    Ok(())
}

fn rows(tables: &[(&'static str, TableChecksum)]) -> BTreeMap<String, Rows> {
    let rows = |sum: &TableChecksum| Rows { rows: sum.rows, checksum: format!("{:032x}", sum.checksum) };
    tables.iter().map(|(table, sum)| ((*table).to_owned(), rows(sum))).collect()
}

/// Runs blocking file work on a blocking thread.
async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("packing broke off")?
}
