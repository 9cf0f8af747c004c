//! The command `migrate`: brings the database to this version, or copies all data to another one and prints its progress.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, bail};
use secrecy::{ExposeSecret as _, SecretString};

use store::{CopyProgress, CopySummary, DatabaseInUse, DatabaseLock, Options, Store, sqlite_path};

use super::{output::print, runtime};
use crate::{app, config::Migrate, telemetry};

/// Migrates, or copies if the arguments name two databases.
pub(super) fn migrate(args: &Migrate) -> anyhow::Result<()> {
    if let Some((from, to)) = args.databases().unwrap_or_else(|error| error.exit()) {
        let telemetry_guard = telemetry::init(&args.telemetry)?;
        let moved = runtime()?.block_on(move_data(from, to));
        telemetry_guard.end(moved.as_ref().err());
        return moved;
    }
    args.database.validate()?;
    let telemetry_guard = telemetry::init(&args.telemetry)?;
    let migrated = runtime()?.block_on(async { anyhow::Ok(app::open_store(&args.database).await?.close().await?) });
    telemetry_guard.end(migrated.as_ref().err());
    migrated?;
    Ok(print("The database is at this version.")?)
}

/// Copies the data and prints the result.
///
/// # Errors
/// When a database can't be used, or the two differ after the copy.
async fn move_data(from: &SecretString, to: &SecretString) -> anyhow::Result<()> {
    let options = Options { postgres_connections: 4, sqlite_readers: 2, ..Options::default() };
    let from = from.expose_secret();
    // Opening a missing source fails; a lock would create a file beside it.
    let is_file = sqlite_path(from).is_some_and(Path::exists);
    let lock = if is_file { lock(from).await.context("the database after --from")? } else { None };
    let source = Store::open_source(from, options).await.context("the database after --from")?;
    let moved = move_from(&source, lock.as_ref(), to, options).await;
    let closed = source.close().await;
    moved?;
    closed.context("closing the database after --from")
}

/// Locks an SQLite file, so that no other process serves it during the copy.
async fn lock(url: &str) -> Result<Option<DatabaseLock>, DatabaseInUse> {
    DatabaseLock::acquire(url, "migrate", Duration::ZERO).await
}

async fn move_from(
    source: &Store,
    source_lock: Option<&DatabaseLock>,
    to: &SecretString,
    options: Options,
) -> anyhow::Result<()> {
    let is_locked = source_lock.is_some_and(|lock| lock.is_of(to.expose_secret()));
    // If --from and --to name the same database, `copy_from` refuses it.
    let _lock = if is_locked { None } else { lock(to.expose_secret()).await.context("the database after --to")? };
    let target = Store::open_target(to.expose_secret(), options).await.context("the database after --to")?;
    print_text(&format!("Moving from {}\n         to {}\n\n", source.describe(), target.describe()));
    let moved = target.copy_from(source, print_step).await;
    let damage = target.find_damage().await;
    let closed = target.close().await;
    let moved = moved?;
    closed.context("closing the database after --to")?;
    if let Some(damage) = damage? {
        bail!("the database after --to is damaged; don't use it, and move to a new one: {damage}");
    }
    print_text(&summary(&moved));
    Ok(())
}

/// Prints one line per table; on a terminal the line is updated while rows are copied.
fn print_step(step: &CopyProgress) {
    let CopyProgress { table, rows, written, removed, done } = step;
    let line = format!("{table:<15}{rows:>10} rows, {written} of them copied, {removed} removed");
    let over = if io::stdout().is_terminal() { "\r" } else { "" };
    if *done {
        print_text(&format!("{over}{line}\n"));
    } else if !over.is_empty() {
        print_text(&format!("{over}{line}"));
    }
}

fn summary(moved: &CopySummary) -> String {
    let mut text = format!("\n{:<15}{:>10}  checksum\n", "table", "rows");
    for (table, sum) in &moved.tables {
        text += &format!("{table:<15}{:>10}  {:032x}  the same\n", sum.rows, sum.checksum);
    }
    if moved.interrupted > 0 {
        text += &format!(
            "\nAnswers that had broken off, and that students can now try again with one click: {}.\n",
            moved.interrupted
        );
    }
    text + "\nBoth databases hold the same. Set DATABASE_URL to the new one and start the program.\n"
}

/// Prints like `print!` but ignores failures: a closed pipe must not interrupt the move.
fn print_text(text: &str) {
    let mut out = io::stdout().lock();
    _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
