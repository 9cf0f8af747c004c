//! `backup` and `restore` as the operator sees them; the work is in [`crate::backup`].

use serde_json::json;

use crate::{
    backup::{self, Kept, Manifest, Name, Place, Verified},
    cli::output::print,
    config::{Backup, BackupAction, Restore},
};

/// Makes, lists or verifies backups, and says so on the standard output.
///
/// # Errors
/// When that can't be done, with what to do about it.
pub async fn backup(told: &Backup) -> anyhow::Result<()> {
    let config = &told.config;
    let said = match &told.action {
        None => {
            let (name, manifest) = backup::make(config).await?;
            format!("{}\nIt was read back and is whole, in {}.", line(&name, &manifest), config.backup.backup_url)
        }
        Some(BackupAction::List { json }) => {
            let place = Place::open(&config.backup.backup_url)?;
            let backups = place.backups().await?;
            if *json { as_json(&backups) } else { as_text(&backups, &place) }
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
    Ok(print(&said)?)
}

/// Restores a backup, and says so on the standard output.
///
/// # Errors
/// When that can't be done, with what to do about it.
pub async fn restore(told: &Restore) -> anyhow::Result<()> {
    let (name, tables) = backup::restore(&told.config, &told.name).await?;
    let mut said: String = tables.iter().map(|(table, sum)| format!("{table:<15}{:>10} rows\n", sum.rows)).collect();
    said += &format!("\n{} is restored, and every row compared. Start the program.", name.as_str());
    Ok(print(&said)?)
}

fn as_json(backups: &[Kept]) -> String {
    let backups = backups
        .iter()
        .map(|kept| json!({ "name": kept.name.as_str(), "complete": kept.is_complete(), "manifest": kept.manifest }));
    format!("{:#}", json!(backups.collect::<Vec<_>>()))
}

fn as_text(backups: &[Kept], place: &Place) -> String {
    if backups.is_empty() {
        return format!("There is no backup in {}.", place.describe());
    }
    let lines = backups.iter().map(|kept| match kept.is_complete() {
        true => line(&kept.name, &kept.manifest),
        false => {
            format!("{}  DAMAGED: {} of its {} bytes are there", kept.name.as_str(), kept.stored, kept.manifest.bytes)
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
