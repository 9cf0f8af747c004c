//! The commands `backup` and `restore`; the work is in [`crate::backup`].

use serde_json::json;

use crate::{
    backup::{self, BackupStore, Manifest, Name, StoredBackup, Verified},
    cli::output::print,
    config::{Backup, BackupAction, Restore},
};

/// Makes, lists or verifies backups, and prints the result.
///
/// # Errors
/// As the functions of [`crate::backup`].
pub async fn backup(args: &Backup) -> anyhow::Result<()> {
    let config = &args.config;
    let text = match &args.action {
        None => {
            let (name, manifest) = backup::make(config).await?;
            format!("{}\nIt was read back and is whole, in {}.", line(&name, &manifest), config.backup.backup_url)
        }
        Some(BackupAction::List { json }) => {
            let store = BackupStore::open(&config.backup.backup_url)?;
            let backups = store.backups().await?;
            if *json { as_json(&backups) } else { as_text(&backups, &store) }
        }
        Some(BackupAction::Verify { name }) => {
            let (name, verified) = backup::verify(config, name).await?;
            let name = name.as_str();
            match verified {
                Verified::Wholly => format!("{name} is whole, to the last row."),
                Verified::Stored => format!(
                    "{name} is stored as it was written. It is encrypted: with BACKUP_IDENTITY_FILE its rows are \
                     checked, too."
                ),
            }
        }
    };
    Ok(print(&text)?)
}

/// Restores a backup, and prints the result.
///
/// # Errors
/// As the functions of [`crate::backup`].
pub async fn restore(args: &Restore) -> anyhow::Result<()> {
    let (name, tables) = backup::restore(&args.config, &args.name).await?;
    let mut text: String = tables.iter().map(|(table, sum)| format!("{table:<15}{:>10} rows\n", sum.rows)).collect();
    text += &format!("\n{} is restored, and every row compared. Start the program.", name.as_str());
    Ok(print(&text)?)
}

fn as_json(backups: &[StoredBackup]) -> String {
    let backups = backups.iter().map(
        |backup| json!({ "name": backup.name.as_str(), "complete": backup.is_complete(), "manifest": backup.manifest }),
    );
    format!("{:#}", json!(backups.collect::<Vec<_>>()))
}

fn as_text(backups: &[StoredBackup], store: &BackupStore) -> String {
    if backups.is_empty() {
        return format!("There is no backup in {}.", store.describe());
    }
    let lines = backups.iter().map(|backup| match backup.is_complete() {
        true => line(&backup.name, &backup.manifest),
        false => {
            format!(
                "{}  DAMAGED: {} of its {} bytes are there",
                backup.name.as_str(),
                backup.stored,
                backup.manifest.bytes
            )
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn line(name: &Name, manifest: &Manifest) -> String {
    let rows = |table| manifest.tables.get(table).map_or(0, |rows| rows.rows);
    let encrypted = if manifest.encrypted_to.is_some() { ", encrypted" } else { "" };
    format!(
        "{}  {:>8} KiB, {} conversations, {} turns, from {}{encrypted}",
        name.as_str(),
        manifest.bytes.div_ceil(1024),
        rows("conversations"),
        rows("turns"),
        manifest.engine
    )
}
