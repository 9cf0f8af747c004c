//! Backups: a school as it was at one moment, in a portable file, and back into an empty database of either kind.
//!
//! `snapshot` (in the store) → `archive` (compressed, encrypted) → `place` (folder or S3), with a `manifest` beside it that
//! is written last. A backup counts only when it was read back and is what was written.

mod archive;
mod manifest;
mod owner;
mod place;
mod workroom;

use std::{
    collections::BTreeMap,
    fs::{self, File},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, bail, ensure};
use secrecy::ExposeSecret as _;
use tokio_util::sync::CancellationToken;

pub use manifest::{Manifest, Name};
pub use place::{Kept, Place, folder_of, without_keys};

use crate::config::Config;
use manifest::Rows;
use owner::refuse_root;
use store::{DatabaseLock, Options, Store, Sum, Tables, sqlite_path};
use workroom::Workroom;

/// Few connections: a backup runs beside the classes.
const OPTIONS: fn() -> Options = || Options { postgres_connections: 2, sqlite_readers: 1, ..Options::default() };

/// Why a database that holds something, or that a process serves, isn't restored into.
const INTO_EMPTY_ONLY: &str = "a backup is restored into an empty database only, and nothing was changed";

/// Makes a backup, reads it back, and removes those that are too many.
///
/// # Errors
/// When a part of that can't be done, with the mend. Then older backups are all still there.
pub async fn make(config: &Config) -> anyhow::Result<(Name, Manifest)> {
    let place = Place::open(&config.backup.backup_url)?;
    if let Some(folder) = place.folder() {
        refuse_root(folder)?;
    }
    let recipient = config.backup.backup_public_key.as_deref().filter(|key| !key.trim().is_empty());
    let recipient = recipient.map(archive::recipient).transpose()?;
    let room = Workroom::open()?;
    let (database, packed) = (room.path().join("school.db"), room.path().join("packed"));
    let url = config.database_url.expose_secret();
    let tables = Store::snapshot(url, &database, OPTIONS()).await.context("the database can't be read")?;
    let (plain, stored) = {
        let (database, packed, recipient) = (database.clone(), packed.clone(), recipient.clone());
        working(move || {
            archive::pack(&database, &packed, recipient.as_ref())?;
            Ok((archive::sum(&database)?, archive::sum(&packed)?))
        })
        .await
        .context("the backup can't be packed; see whether the disk of TMPDIR has room for the database twice")?
    };
    let manifest = Manifest {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: if url.starts_with("sqlite:") { "SQLite" } else { "PostgreSQL" }.to_owned(),
        bytes: stored.bytes,
        sha256: stored.sha256,
        database_bytes: plain.bytes,
        database_sha256: plain.sha256,
        encrypted_to: recipient.map(|key| key.to_string()),
        tables: rows(&tables),
    };
    let name = Name::now()?;
    place.put(&name, &manifest, &packed).await?;
    // What can't be read back now won't be there when it's needed.
    let again = room.path().join("again");
    place.get(&name, &manifest, &again).await?;
    check_stored(&manifest, &again)?;
    place.confirm(&name, &manifest).await?;
    place.tidy(&name, config.backup.backup_keep as usize).await?;
    Ok((name, manifest))
}

/// How far a verification came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verified {
    /// To the last row.
    Wholly,
    /// The stored object is what was stored; it's encrypted, and the key isn't here.
    Stored,
}

/// Reads a backup and checks everything that can be checked.
///
/// # Errors
/// When it's damaged or can't be read, with what it is.
pub async fn verify(config: &Config, which: &str) -> anyhow::Result<(Name, Verified)> {
    let place = Place::open(&config.backup.backup_url)?;
    let Kept { name, manifest, .. } = find(&place, which).await?;
    let room = Workroom::open()?;
    if manifest.encrypted_to.is_some() && config.backup.identity_file().is_none() {
        let stored = room.path().join("stored");
        place.get(&name, &manifest, &stored).await?;
        check_stored(&manifest, &stored)?;
        return Ok((name, Verified::Stored));
    }
    let store = open(config, &place, &name, &manifest, room.path()).await?;
    store.close().await?;
    Ok((name, Verified::Wholly))
}

/// Restores a backup into the database of the settings, which has to be empty. Tells what each table holds.
///
/// # Errors
/// When the backup is damaged, or the database holds something that would be lost. Then, and when it's ended on the
/// way, nothing was changed.
pub async fn restore(config: &Config, which: &str) -> anyhow::Result<(Name, Vec<(&'static str, Sum)>)> {
    let place = Place::open(&config.backup.backup_url)?;
    let Kept { name, manifest, .. } = find(&place, which).await?;
    let url = config.database_url.expose_secret();
    let lock = DatabaseLock::acquire(url, "restore", Duration::ZERO).await;
    let _lock = lock.context(INTO_EMPTY_ONLY)?;
    let room = Workroom::open()?;
    let source = open(config, &place, &name, &manifest, room.path()).await?;
    Store::check_target_file(url)?;
    if let Some(target) = new_file(url) {
        target.parent().map(refuse_root).transpose()?;
        let tables = source.sums().await?;
        source.close().await?;
        let database = room.path().join("school.db");
        working(move || put_in_place(&database, &target)).await.context("the database can't be written")?;
        let restored = Store::open_with(url, OPTIONS()).await.context("the restored database can't be opened")?;
        let (found, damage) = (restored.sums().await?, restored.find_damage().await?);
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

/// How often a running server looks for its newest backup.
const LOOK_EVERY: Duration = Duration::from_secs(5 * 60);

/// Tells, by a figure, when the newest backup was made, until `stop`. Says nothing where there is none.
pub async fn watch(url: String, stop: CancellationToken) {
    let mut beat = tokio::time::interval(LOOK_EVERY);
    while stop.run_until_cancelled(beat.tick()).await.is_some() {
        match stop.run_until_cancelled(newest(&url)).await {
            Some(Ok(Some(name))) => {
                #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 fit")]
                metrics::gauge!("backup_last_success_timestamp_seconds").set(name.moment() as f64);
            }
            Some(Err(error)) => {
                tracing::debug!(error = format!("{error:#}"), "the place of backups can't be looked at")
            }
            Some(Ok(None)) | None => {}
        }
    }
}

/// The newest backup's name.
///
/// # Errors
/// When the place can't be read.
pub async fn newest(url: &str) -> anyhow::Result<Option<Name>> {
    let Some(place) = Place::existing(url)? else { return Ok(None) };
    place.newest_complete().await
}

/// Describes this module's figures; call once, when the recorder is installed.
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

/// Whole or not at all, and for this user alone.
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

/// The backup of that name, or the newest for `latest`. Not an older one instead of one that is damaged: that would be a
/// day of a school's work, lost without a word.
async fn find(place: &Place, which: &str) -> anyhow::Result<Kept> {
    let backups = place.backups().await?;
    ensure!(!backups.is_empty(), "there is no backup in {}", place.describe());
    let mut found = backups.into_iter().filter(|kept| which == "latest" || kept.name.as_str() == which);
    let Some(kept) = found.next() else {
        bail!("there is no backup {which:?} in {}; `backup list` shows them", place.describe());
    };
    ensure!(
        kept.is_complete(),
        "the backup {} is damaged: {} of its {} bytes are there; name another one, which `backup list` shows",
        kept.name.as_str(),
        kept.stored,
        kept.manifest.bytes
    );
    Ok(kept)
}

/// A backup's database, checked to the last row, in a file in `folder`.
async fn open(
    config: &Config,
    place: &Place,
    name: &Name,
    manifest: &Manifest,
    folder: &Path,
) -> anyhow::Result<Store> {
    let (stored, database) = (folder.join("stored"), folder.join("school.db"));
    place.get(name, manifest, &stored).await?;
    check_stored(manifest, &stored)?;
    let identity = match (&manifest.encrypted_to, config.backup.identity_file()) {
        (None, _) => None,
        (Some(_), Some(identity)) => Some(identity),
        (Some(key), None) => bail!("the backup is encrypted to {key}; name its private key in BACKUP_IDENTITY_FILE"),
    };
    let plain = {
        let (database, most) = (database.clone(), manifest.database_bytes);
        working(move || {
            archive::unpack(&stored, &database, most, identity.as_deref())?;
            Ok(archive::sum(&database)?)
        })
        .await?
    };
    let is_same = (plain.bytes, &plain.sha256) == (manifest.database_bytes, &manifest.database_sha256);
    ensure!(is_same, "the backup {} is damaged: its database isn't the one that was saved", name.as_str());
    let url = format!("sqlite://{}", database.display());
    let look = Store::look(&url, OPTIONS().acquire_timeout).await?;
    let look = look.context("the backup holds no database")?;
    if let Some(damage) = look.damage {
        bail!("the backup's database is damaged: {damage}");
    }
    let store = Store::open_with(&url, OPTIONS()).await.context("the backup's database can't be opened")?;
    // Opening brings older tables up to date, and rows with a column more have other checksums.
    if look.tables == Tables::Current {
        let tables = rows(&store.sums().await?);
        ensure!(tables == manifest.tables, "the backup {} doesn't hold what its manifest lists", name.as_str());
    }
    Ok(store)
}

fn check_stored(manifest: &Manifest, file: &Path) -> anyhow::Result<()> {
    let found = archive::sum(file)?;
    ensure!(
        (found.bytes, &found.sha256) == (manifest.bytes, &manifest.sha256),
        "the backup is damaged: what is stored isn't what was written; use another one"
    );
    Ok(())
}

fn rows(tables: &[(&'static str, Sum)]) -> BTreeMap<String, Rows> {
    let rows = |sum: &Sum| Rows { rows: sum.rows, checksum: format!("{:032x}", sum.checksum) };
    tables.iter().map(|(table, sum)| ((*table).to_owned(), rows(sum))).collect()
}

/// Files are read and written by threads that may wait.
async fn working<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await.context("packing broke off")?
}
