//! `migrate --from … --to …`: a school moves to another database, and the operator sees how far it is.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Context as _;
use secrecy::{ExposeSecret as _, SecretString};

use crate::store::{Moved, Options, Step, Store};

/// Moves the school and says so on the standard output.
///
/// # Errors
/// When the databases can't be used for it, or differ in the end, with what to do about it.
pub async fn move_school(from: &SecretString, to: &SecretString) -> anyhow::Result<()> {
    let options = Options { postgres_connections: 4, sqlite_readers: 2, ..Options::default() };
    let source = Store::open_source(from.expose_secret(), options).await.context("the database after --from")?;
    let moved = move_from(&source, to, options).await;
    let closed = source.close().await;
    moved?;
    closed.context("closing the database after --from")
}

async fn move_from(source: &Store, to: &SecretString, options: Options) -> anyhow::Result<()> {
    let target = Store::open_with(to.expose_secret(), options).await.context("the database after --to")?;
    say(&format!("Moving from {}\n         to {}\n\n", source.describe(), target.describe()));
    let moved = target.copy_from(source, tell).await;
    let closed = target.close().await;
    let moved = moved?;
    closed.context("closing the database after --to")?;
    say(&summary(&moved));
    Ok(())
}

/// One line a table; on a terminal it counts up.
fn tell(step: &Step) {
    let Step { table, rows, written, removed, done } = step;
    let line = format!("{table:<15}{rows:>10} rows, {written} of them copied, {removed} removed");
    let over = if io::stdout().is_terminal() { "\r" } else { "" };
    if *done {
        say(&format!("{over}{line}\n"));
    } else if !over.is_empty() {
        say(&format!("{over}{line}"));
    }
}

fn summary(moved: &Moved) -> String {
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

/// Not `println!`: a reader who goes away must not break off the move.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
