//! Where backups go, how many are kept, and who can read them.

use std::path::PathBuf;

use clap::Args;

/// How backups are made and kept.
#[derive(Debug, Clone, Args)]
pub struct BackupConfig {
    /// Folder, or s3://bucket/prefix (with AWS_REGION and, away from AWS, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
    /// AWS_ENDPOINT_URL; on AWS the machine's role is used)
    #[arg(long, env = "BACKUP_URL", default_value = "backups", hide_env_values = true)]
    pub backup_url: String,
    /// How many backups are kept, the newest ones
    #[arg(long, env = "BACKUP_KEEP", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..))]
    pub backup_keep: u32,
    /// Public key (age1…) to which backups are encrypted; only who has the private one can read them
    #[arg(long, env = "BACKUP_PUBLIC_KEY")]
    pub backup_public_key: Option<String>,
    /// File with the private key (AGE-SECRET-KEY-1…), to verify or restore an encrypted backup
    #[arg(long, env = "BACKUP_IDENTITY_FILE")]
    pub backup_identity_file: Option<String>,
}

impl BackupConfig {
    /// The file with the private key, unless it's empty: `.env` files often carry an empty one.
    #[must_use]
    pub fn identity_file(&self) -> Option<PathBuf> {
        self.backup_identity_file.as_deref().map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}
