//! Secrets in files, which no list of processes, environment or unit file shows: `NAME_FILE=/path`, as in containers, or a
//! credential that systemd passes (`LoadCredential=NAME:/path`).

use std::{
    env,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::{Arg, Command, builder::Resettable};

use super::ConfigError;

/// Variables of the settings that can be read from a file.
pub const SECRETS: [&str; 4] = ["OPENAI_API_KEY", "DATABASE_URL", "REDIS_URL", "SENTRY_DSN"];

/// The secrets among the settings of the named command. The user that makes backups needs no key of a model server and
/// usually may not read it.
fn used_by(command: &Command, name: Option<&OsStr>) -> Vec<&'static str> {
    let named = name.and_then(|name| command.find_subcommand(name)).unwrap_or(command);
    let has = |name: &str| named.get_arguments().any(|argument| argument.get_env() == Some(OsStr::new(name)));
    SECRETS.into_iter().filter(|name| has(name)).collect()
}

/// Makes the contents of each secret's file the default of its setting, so that flag and environment take precedence.
///
/// # Errors
/// When a file that a setting names can't be read.
pub(super) fn with_files(mut command: Command) -> Result<Command, ConfigError> {
    let credentials = env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    for name in used_by(&command, env::args_os().nth(1).as_deref()) {
        let file = env::var_os(format!("{name}_FILE")).filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(secret) = secret(name, credentials.as_deref(), file.as_deref())? {
            command = with_default(command, name, &secret);
        }
    }
    Ok(command)
}

/// A credential of systemd takes precedence over a path, so that the service and its operator can share a file of settings.
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
        Some(variable) if variable == name => use_as_default(argument, name, &secret),
        _ => argument,
    });
    command.mut_subcommands(|subcommand| with_default(subcommand, name, &secret))
}

fn use_as_default(argument: Arg, name: &str, secret: &str) -> Arg {
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
    fn a_credential_of_systemd_takes_precedence_over_a_path() {
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
