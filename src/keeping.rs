//! `backup` and `restore` as the operator sees them; the work is in [`crate::backup`].

use serde_json::json;

use crate::{
    backup::{self, Manifest, Name, Place, Verified},
    config::{Backup, BackupAction, Restore},
};

/// Makes, lists or verifies backups, and says so on the standard output.
///
/// # Errors
/// When that can't be done, with what to do about it.
pub async fn backup(told: &Backup) -> anyhow::Result<()> {
    let config = &told.config;
    match &told.action {
        None => {
            let (name, manifest) = backup::make(config).await?;
            println!("{}", line(&name, &manifest));
            println!("It was read back and is whole, in {}.", config.backup.backup_url);
        }
        Some(BackupAction::List { json }) => list(&Place::open(&config.backup.backup_url)?, *json).await?,
        Some(BackupAction::Verify { name }) => {
            let (name, verified) = backup::verify(config, name).await?;
            match verified {
                Verified::Wholly => println!("{} is whole, to the last row.", name.as_str()),
                Verified::Stored => println!(
                    "{} is stored as it was written. It is encrypted: with BACKUP_IDENTITY_FILE its rows are checked, too.",
                    name.as_str()
                ),
            }
        }
    }
    Ok(())
}

/// Restores a backup, and says so on the standard output.
///
/// # Errors
/// When that can't be done, with what to do about it.
pub async fn restore(told: &Restore) -> anyhow::Result<()> {
    let (name, moved) = backup::restore(&told.config, &told.name).await?;
    for (table, sum) in &moved.tables {
        println!("{table:<15}{:>10} rows", sum.rows);
    }
    println!("\n{} is restored, and every row compared. Start the program.", name.as_str());
    Ok(())
}

async fn list(place: &Place, as_json: bool) -> anyhow::Result<()> {
    let backups = place.backups().await?;
    if as_json {
        let list = backups.iter().map(|(name, manifest)| json!({ "name": name.as_str(), "manifest": manifest }));
        println!("{:#}", json!(list.collect::<Vec<_>>()));
        return Ok(());
    }
    for (name, manifest) in &backups {
        println!("{}", line(name, manifest));
    }
    if backups.is_empty() {
        println!("There is no backup in {}.", place.describe());
    }
    Ok(())
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
