//! The `llm-classroom` program. All its code is in the library: a second crate that runs the server's futures would
//! compile them, and every generic function that they use, a second time.

use std::process::ExitCode;

fn main() -> ExitCode {
    llm_classroom::cli::run()
}
