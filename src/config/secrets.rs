//! Secrets that come in files, so that no list of processes, environment or unit file shows them: `NAME_FILE=/path`, as
//! containers have it, or a credential that systemd passes (`LoadCredential=NAME:/path`).

use std::{
    env,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::{Arg, Command, builder::Resettable};

use super::ConfigError;

/// Settings that may come in a file, by the name of their variable.
pub const SECRETS: [&str; 4] = ["OPENAI_API_KEY", "DATABASE_URL", "REDIS_URL", "SENTRY_DSN"];

/// The secrets that a command uses. Who keeps backups needs no key, and mostly may not read it either.
fn used_by(command: Option<&OsStr>) -> &'static [&'static str] {
    match command.and_then(OsStr::to_str) {
        Some("backup" | "restore" | "migrate") => &["DATABASE_URL", "SENTRY_DSN"],
        Some("openapi") => &[],
        _ => &SECRETS,
    }
}

/// The same command line, in which a secret's file stands in for its default: below flag and environment.
///
/// # Errors
/// When a file that a setting names can't be read.
pub(super) fn with_files(mut command: Command) -> Result<Command, ConfigError> {
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    for &name in used_by(env::args_os().nth(1).as_deref()) {
        let file = env::var_os(format!("{name}_FILE")).filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(secret) = secret(name, credentials.as_deref(), file.as_deref())? {
            command = with_default(command, name, &secret);
        }
    }
    Ok(command)
}

/// What systemd passes comes before a path: the same settings then serve the unit, and the operator at the command line.
fn secret(name: &str, credentials: Option<&Path>, file: Option<&Path>) -> Result<Option<String>, ConfigError> {
    if let Some(passed) = credentials.map(|folder| folder.join(name))
        && passed.exists()
    {
        return read(&passed, "the credential", name).map(Some);
    }
    file.map(|path| read(path, "the file of", name)).transpose()
}

fn read(path: &Path, what: &str, name: &str) -> Result<String, ConfigError> {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(|error| {
        let fix = match error.kind() {
            ErrorKind::NotFound => "there is no such file",
            ErrorKind::PermissionDenied => "this user may not read it; run with sudo, or change its owner",
            ErrorKind::InvalidData => "it isn't text",
            _ => "it can't be read",
        };
        ConfigError(format!("{what} {name}, {}: {fix} ({error})", path.display()))
    })
}

fn with_default(command: Command, name: &str, secret: &str) -> Command {
    let secret = secret.to_owned();
    let command = command.mut_args(|argument| match argument.get_env() {
        Some(variable) if variable == name => stand_in(argument, name, &secret),
        _ => argument,
    });
    command.mut_subcommands(|subcommand| with_default(subcommand, name, &secret))
}

fn stand_in(argument: Arg, name: &str, secret: &str) -> Arg {
    let argument = argument.default_value(secret.to_owned()).hide_default_value(true);
    // `.env` files often carry an empty value, which means none.
    match env::var_os(name) {
        Some(value) if value.is_empty() => argument.env(Resettable::Reset),
        _ => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_passes_comes_before_a_path() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("elsewhere");
        fs::write(&file, "from-file\n").unwrap();
        let both = || secret("OPENAI_API_KEY", Some(folder.path()), Some(&file)).unwrap();
        assert_eq!(both().as_deref(), Some("from-file"));
        fs::write(folder.path().join("OPENAI_API_KEY"), "from-systemd\n").unwrap();
        assert_eq!(both().as_deref(), Some("from-systemd"));
    }

    #[test]
    fn without_a_file_there_is_no_secret() {
        assert_eq!(secret("REDIS_URL", None, None).unwrap(), None);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_the_reason() {
        let error = secret("REDIS_URL", None, Some(Path::new("/nowhere/redis"))).unwrap_err().to_string();
        assert!(error.contains("REDIS_URL") && error.contains("/nowhere/redis: there is no such file"), "{error}");
    }
}
