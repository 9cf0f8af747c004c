//! Printing to the standard output.

use std::io::{self, Write as _};

/// Prints one or more lines. A closed pipe, as after `head`, is not an error.
///
/// # Errors
/// When it can't be written for another reason, such as a full disk.
pub fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
