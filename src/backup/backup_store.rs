//! Where backups are stored: a folder, or a bucket of S3 or a compatible service.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path as FilePath, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use futures_util::TryStreamExt as _;
use object_store::{
    ClientOptions, ObjectStore, ObjectStoreExt as _, RetryConfig, aws::AmazonS3Builder, buffered::BufWriter,
    local::LocalFileSystem, path::Path, prefix::PrefixStore,
};
use tokio::{
    fs::File,
    io::{AsyncWriteExt as _, BufReader},
};

use super::manifest::{Manifest, Name};
use crate::config::is_https;

/// Most bytes of a manifest: it lists six tables.
const MANIFEST_MAX: u64 = 64 * 1024;
/// What the operator should check when access is refused.
const ACCESS_HINT: &str = "this user may use the folder or, for S3, this key or role the bucket, in AWS_REGION";
/// How long requests to S3 are retried.
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// Backups that aren't finished after this long never will be.
const UNFINISHED_AFTER: time::Duration = time::Duration::DAY;

/// A stored backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBackup {
    /// Its name.
    pub name: Name,
    /// Its manifest.
    pub manifest: Manifest,
    /// Bytes of the stored object, 0 if it's missing.
    pub stored: u64,
}

impl StoredBackup {
    /// Whether the stored object has the size of the manifest. Its content is checked when it is read.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.stored == self.manifest.bytes
    }
}

/// A folder or bucket of backups.
#[derive(Debug, Clone)]
pub struct BackupStore {
    store: Arc<dyn ObjectStore>,
    /// The folder, if the store is one.
    folder: Option<PathBuf>,
    address: String,
}

impl BackupStore {
    /// Opens the folder at a path or `file:///…`, or the bucket at `s3://bucket/prefix`. Creates a missing folder that
    /// only this user can read.
    ///
    /// # Errors
    /// When the address can't be used, with what to do about it.
    pub fn open(url: &str) -> anyhow::Result<Self> {
        let url = url.trim();
        let (store, folder) = match (folder_of(url), url.split_once("://")) {
            (Some(path), _) => (open_folder(path)?, Some(path.to_path_buf())),
            (None, Some(("s3", rest))) => (bucket(rest)?, None),
            (None, Some(_)) => bail!("BACKUP_URL is a folder, or s3://bucket/prefix"),
            (None, None) => bail!("BACKUP_URL is empty; name a folder, or s3://bucket/prefix"),
        };
        Ok(Self { store, folder, address: without_keys(url) })
    }

    /// Opens the store; `None` if it is a folder that doesn't exist.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn existing(url: &str) -> anyhow::Result<Option<Self>> {
        if folder_of(url.trim()).is_some_and(|path| !path.exists()) { Ok(None) } else { Self::open(url).map(Some) }
    }

    /// The folder, if the store is one.
    #[must_use]
    pub fn folder(&self) -> Option<&FilePath> {
        self.folder.as_deref()
    }

    /// Its address without keys.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.address
    }

    /// The stored backups, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn backups(&self) -> anyhow::Result<Vec<StoredBackup>> {
        let files = self.files().await?;
        let mut found = Vec::new();
        for name in names_newest_first(&files) {
            found.extend(self.backup(name, &files).await?);
        }
        Ok(found)
    }

    /// The name of the newest complete backup. Reads one manifest where the newest backup is complete, however many
    /// backups there are.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn newest_complete(&self) -> anyhow::Result<Option<Name>> {
        let files = self.files().await?;
        for name in names_newest_first(&files) {
            if let Some(backup) = self.backup(name, &files).await?.filter(StoredBackup::is_complete) {
                return Ok(Some(backup.name));
            }
        }
        Ok(None)
    }

    /// The backup of that name, unless its manifest was removed since the files were listed.
    async fn backup(&self, name: Name, files: &[(String, u64)]) -> anyhow::Result<Option<StoredBackup>> {
        let Some(manifest) = self.manifest(&name).await? else { return Ok(None) };
        let object = name.object(manifest.encrypted_to.is_some());
        let stored = files.iter().find(|(file, _)| *file == object).map_or(0, |(_, bytes)| *bytes);
        Ok(Some(StoredBackup { name, stored, manifest }))
    }

    /// Stores a backup's database. It counts as a backup only when [`Self::confirm`] has added the manifest.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn put(&self, name: &Name, manifest: &Manifest, file: &FilePath) -> anyhow::Result<()> {
        let failed = || self.unwritable();
        let object = Path::from(name.object(manifest.encrypted_to.is_some()));
        let mut from = BufReader::new(File::open(file).await?);
        let mut to = BufWriter::new(self.store.clone(), object);
        if let Err(error) = tokio::io::copy(&mut from, &mut to).await {
            // Uploaded parts would be stored and billed.
            _ = to.abort().await;
            return Err(without_repetition(error)).with_context(failed);
        }
        to.shutdown().await.map_err(without_repetition).with_context(failed)?;
        self.make_private(&name.object(manifest.encrypted_to.is_some()))
    }

    /// Adds the manifest, with which it's a backup.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn confirm(&self, name: &Name, manifest: &Manifest) -> anyhow::Result<()> {
        let failed = || self.unwritable();
        let json = serde_json::to_vec_pretty(manifest)?;
        self.store
            .put(&Path::from(name.manifest()), json.into())
            .await
            .map_err(without_repetition)
            .with_context(failed)?;
        self.make_private(&name.manifest())
    }

    /// Reads a backup's database into a file, up to the size that its manifest states.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn get(&self, name: &Name, manifest: &Manifest, file: &FilePath) -> anyhow::Result<()> {
        let failed =
            || format!("the backup {} can't be read from {}; see that {ACCESS_HINT}", name.as_str(), self.address);
        let object = Path::from(name.object(manifest.encrypted_to.is_some()));
        let mut pieces = self.store.get(&object).await.map_err(without_repetition).with_context(failed)?.into_stream();
        let mut to = File::create(file).await?;
        while let Some(piece) = pieces.try_next().await.map_err(without_repetition).with_context(failed)? {
            to.write_all(&piece).await?;
        }
        to.flush().await?;
        Ok(())
    }

    /// Removes unfinished backups and those older than the `keep` newest complete ones. Only backups up to `last`, the one just
    /// made, count; newer ones, which a wrong clock can produce, stay.
    ///
    /// # Errors
    /// When a file can't be removed. The next call tries again.
    pub async fn prune(&self, last: &Name, keep: usize) -> anyhow::Result<()> {
        let backups = self.backups().await?;
        let complete = backups.iter().filter(|backup| backup.is_complete() && backup.name <= *last);
        let newest: Vec<_> = complete.take(keep).collect();
        let Some(oldest) = newest.last() else { return Ok(()) };
        let mut files = self.files().await?;
        // Manifests first: what is left of a backup without one counts as none.
        files.sort_by_key(|(file, _)| Name::of_manifest(file).is_none());
        for (file, _) in files {
            let Some(name) = Name::of_manifest(&file).or_else(|| Name::of_object(&file)) else { continue };
            // A backup without a manifest may be one that another process is writing.
            let has_manifest = backups.iter().any(|backup| backup.name == name);
            let is_unfinished = !has_manifest && last.moment() - name.moment() < UNFINISHED_AFTER.whole_seconds();
            if name < oldest.name && !is_unfinished {
                let removed = self.store.delete(&Path::from(file.as_str())).await;
                removed
                    .map_err(without_repetition)
                    .with_context(|| format!("the old backup {file} can't be removed from {}", self.address))?;
            }
        }
        Ok(())
    }

    fn unwritable(&self) -> String {
        format!("the backup can't be written to {}; see that there is room and that {ACCESS_HINT}", self.address)
    }

    /// Lets only this user read a file, also in a folder that other users can read.
    fn make_private(&self, file: &str) -> anyhow::Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.join(file);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))
            .with_context(|| format!("{} can't be made private", path.display()))
    }

    async fn manifest(&self, name: &Name) -> anyhow::Result<Option<Manifest>> {
        let found = self.store.get(&Path::from(name.manifest())).await.map_err(without_repetition)?;
        if found.meta.size > MANIFEST_MAX {
            return Ok(None);
        }
        // A file that can't be parsed isn't a manifest of this program.
        Ok(serde_json::from_slice(&found.bytes().await?).ok())
    }

    /// The files directly in the store, with their sizes in bytes.
    async fn files(&self) -> anyhow::Result<Vec<(String, u64)>> {
        let listed = self.store.list_with_delimiter(None).await;
        let listed = listed
            .map_err(without_repetition)
            .with_context(|| format!("{} can't be read; check BACKUP_URL, and that {ACCESS_HINT}", self.address))?;
        let named = listed.objects.into_iter();
        Ok(named.filter_map(|found| Some((found.location.filename()?.to_owned(), found.size))).collect())
    }
}

/// The backups with a manifest among these files, the newest first.
fn names_newest_first(files: &[(String, u64)]) -> Vec<Name> {
    let mut names: Vec<Name> = files.iter().filter_map(|(file, _)| Name::of_manifest(file)).collect();
    names.sort_by(|one, other| other.cmp(one));
    names
}

/// The library's texts repeat those of their causes, all but the last.
fn without_repetition(error: impl Into<anyhow::Error>) -> anyhow::Error {
    let error = error.into();
    let text = error.to_string();
    let last = error.root_cause().to_string();
    if text.contains(&last) { anyhow!(text) } else { anyhow!("{text}: {last}") }
}

/// The address without the credentials that people write in front of an `@`, although they aren't used there.
#[must_use]
pub fn without_keys(url: &str) -> String {
    match url.trim().split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or_default()),
        None => url.trim().to_owned(),
    }
}

/// The folder that an address names, if it names one.
#[must_use]
pub fn folder_of(url: &str) -> Option<&FilePath> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    (!path.is_empty() && !path.contains("://")).then(|| FilePath::new(path))
}

fn open_folder(path: &FilePath) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let path = path.display().to_string();
    let failed = || format!("the backup folder {path} can't be used; this user has to be allowed to write there");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).with_context(failed)?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(&path).with_context(failed)?.with_fsync(true)))
}

fn bucket(rest: &str) -> anyhow::Result<Arc<dyn ObjectStore>> {
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    anyhow::ensure!(!bucket.is_empty(), "BACKUP_URL names no bucket, such as s3://bucket/prefix");
    // Not repeated: in front of an @ there may be a key.
    let is_name = bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    anyhow::ensure!(is_name, "BACKUP_URL names no bucket of S3; keys belong into AWS_ACCESS_KEY_ID and the like");
    let is_plain = std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| !is_https(&url));
    let retry = RetryConfig { retry_timeout: RETRY_TIMEOUT, max_retries: 5, ..RetryConfig::default() };
    let store = AmazonS3Builder::from_env()
        .with_bucket_name(bucket)
        .with_retry(retry)
        .with_client_options(
            // A large transfer may take long, so only the time without data is limited.
            ClientOptions::new()
                .with_allow_http(is_plain)
                .with_connect_timeout(Duration::from_secs(5))
                .with_read_timeout(RETRY_TIMEOUT)
                .with_timeout_disabled(),
        )
        .build()
        .context("BACKUP_URL can't be used; S3 needs AWS_REGION, and away from AWS a key and an endpoint")?;
    Ok(Arc::new(PrefixStore::new(store, prefix)))
}
