//! Stores the ACME account's key and the certificates in files that only this user may read.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use async_trait::async_trait;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use rustls_acme::{AccountCache, CertCache};
use sha2::{Digest as _, Sha256};
use x509_parser::parse_x509_certificate;

/// A folder of keys and certificates. A file's name is a hash of the names and the authority, so other settings use
/// other files.
#[derive(Debug, Clone)]
pub(super) struct AcmeCache(PathBuf);

impl AcmeCache {
    pub(super) fn new(folder: &Path) -> Self {
        Self(folder.to_path_buf())
    }

    /// When the newest stored certificate expires, in seconds since 1970.
    pub(super) fn newest_expiry(&self) -> Option<i64> {
        let files = fs::read_dir(&self.0).ok()?.flatten();
        let certificates = files.filter(|file| file.file_name().to_string_lossy().starts_with("certificate-"));
        let newest = certificates.max_by_key(|file| file.metadata().and_then(|data| data.modified()).ok())?;
        let certificate = CertificateDer::from_pem_file(newest.path()).ok()?;
        let (_, certificate) = parse_x509_certificate(&certificate).ok()?;
        Some(certificate.validity().not_after.timestamp())
    }

    async fn read(&self, name: String) -> io::Result<Option<Vec<u8>>> {
        match tokio::fs::read(self.0.join(name)).await {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file atomically, also when the machine stops in between.
    async fn write(&self, name: String, bytes: &[u8]) -> io::Result<()> {
        let (folder, bytes) = (self.0.clone(), bytes.to_vec());
        let writing = move || {
            let unfinished = folder.join(format!("{name}.new"));
            let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&unfinished)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(unfinished, folder.join(name))
        };
        tokio::task::spawn_blocking(writing).await.map_err(io::Error::other)?
    }
}

#[async_trait]
impl CertCache for AcmeCache {
    type EC = io::Error;

    async fn load_cert(&self, names: &[String], authority: &str) -> io::Result<Option<Vec<u8>>> {
        self.read(file("certificate", names, authority)).await
    }

    async fn store_cert(&self, names: &[String], authority: &str, certificate: &[u8]) -> io::Result<()> {
        self.write(file("certificate", names, authority), certificate).await
    }
}

#[async_trait]
impl AccountCache for AcmeCache {
    type EA = io::Error;

    async fn load_account(&self, contact: &[String], authority: &str) -> io::Result<Option<Vec<u8>>> {
        self.read(file("account", contact, authority)).await
    }

    async fn store_account(&self, contact: &[String], authority: &str, key: &[u8]) -> io::Result<()> {
        self.write(file("account", contact, authority), key).await
    }
}

fn file(what: &str, whose: &[String], authority: &str) -> String {
    let sum = Sha256::digest([whose.join("\n").as_str(), authority].join("\n\n"));
    format!("{what}-{}.pem", hex::encode(&sum[..8]))
}
