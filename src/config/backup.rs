//! Settings of backups.

use std::path::PathBuf;

use clap::Args;

/// Where backups are stored, how many are kept, and for which key they are encrypted.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Backups")]
pub struct BackupConfig {
    /// Folder or s3://bucket/prefix for backups. S3 needs AWS_REGION and, outside AWS, AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY and AWS_ENDPOINT_URL; on AWS the machine's role is used
    #[arg(long, env = "BACKUP_URL", default_value = "backups", hide_env_values = true)]
    pub backup_url: String,
    /// Number of backups to keep, the newest ones
    #[arg(long, env = "BACKUP_KEEP", default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..))]
    pub backup_keep: u32,
    /// Public key (age1…) that backups are encrypted with; only its private key can read them
    #[arg(long, env = "BACKUP_PUBLIC_KEY")]
    pub backup_public_key: Option<String>,
    /// File with the private key (AGE-SECRET-KEY-1…), to verify or restore encrypted backups
    #[arg(long, env = "BACKUP_IDENTITY_FILE")]
    pub backup_identity_file: Option<String>,
}

impl BackupConfig {
    /// The file with the private key, unless it's empty: `.env` files often carry empty settings.
    #[must_use]
    pub fn identity_file(&self) -> Option<PathBuf> {
        self.backup_identity_file.as_deref().map(str::trim).filter(|path| !path.is_empty()).map(PathBuf::from)
    }
}
