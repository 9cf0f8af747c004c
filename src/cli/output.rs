//! What commands say on the standard output.

use std::io::{self, Write as _};

/// Prints a line, or several. A reader who has gone, as `head` goes after its lines, is no failure.
///
/// # Errors
/// When it can't be written otherwise: the disk that it goes to is full.
pub fn print(text: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{text}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}
