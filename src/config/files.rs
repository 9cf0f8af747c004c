//! Files of settings, for what neither flag nor environment sets.

use std::{env, fs, io::ErrorKind, path::Path};

/// The settings that the Debian package installs. systemd reads them for the service. The program reads them too, so that
/// a command at the command line uses the same.
const MACHINE_FILE: &str = "/etc/llm-classroom/llm-classroom.env";

/// Where packages install programs. An installed program ignores `.env` in the current folder, which may be another
/// program's.
const INSTALL_PREFIX: &str = "/usr/";

/// Adds the settings of `.env` to the environment, which takes precedence. An installed program, or one without `.env`, reads
/// the machine's file instead. Call it before any thread starts.
///
/// # Errors
/// When a file exists and can't be read; the text says which.
pub fn load() -> Result<(), String> {
    let machine = Path::new(MACHINE_FILE);
    if machine.exists() && env::current_exe().is_ok_and(|program| program.starts_with(INSTALL_PREFIX)) {
        load_machine_file(machine)?;
        return set_default_locations();
    }
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => load_machine_file(machine),
        // This user may not read the folder. If it may, `.env` itself exists.
        Err(dotenvy::Error::Io(error))
            if error.kind() == ErrorKind::PermissionDenied && !Path::new(".env").exists() =>
        {
            load_machine_file(machine)
        }
        Err(error) => Err(unreadable(Path::new("the file .env"), &error)),
    }
}

/// Sets where an installed program keeps its data and backups, unless its settings do: the same for the service and for
/// commands of its operator.
fn set_default_locations() -> Result<(), String> {
    let mut settings = String::from("BACKUP_URL=/var/backups/llm-classroom\n");
    let credential = env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join("DATABASE_URL"));
    if env::var_os("DATABASE_URL_FILE").is_none_or(|path| path.is_empty()) && !credential.is_some_and(|it| it.exists())
    {
        settings += "DATABASE_URL=sqlite:///var/lib/llm-classroom/llm-classroom.db\n";
    }
    // What is set already takes precedence.
    dotenvy::from_read(settings.as_bytes()).map_err(|error| error.to_string())
}

/// Whether the machine's file of settings exists and this user may not read it.
#[must_use]
pub fn are_hidden() -> bool {
    fs::File::open(MACHINE_FILE).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// The error of a file that can't be read. It names the setting and leaves out the line, which may hold a secret.
fn unreadable(path: &Path, error: &dotenvy::Error) -> String {
    let path = path.display();
    match error {
        dotenvy::Error::LineParse(line, _) => {
            let name = line.split_once('=').map(|(name, _)| name.trim_start_matches("export ").trim());
            let is_name = |name: &&str| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
            let what = name.filter(is_name).unwrap_or("a line");
            format!("{path} can't be read: {what} isn't written as NAME=value; does a quotation mark stay open?")
        }
        error => format!("{path} can't be read: {error}"),
    }
}

fn load_machine_file(path: &Path) -> Result<(), String> {
    match dotenvy::from_path(path) {
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::PermissionDenied => {
            // The file holds secrets. `--version` and commands with flags work without it; the doctor reports it.
            Ok(())
        }
        Err(error) if error.not_found() => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
        Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_cannot_be_read_is_not_repeated() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("settings");
        for line in ["OPENAI_API_KEY=\"sk-secret", "OPENAI_API_KEY: sk-secret", "sk-secret", "sk-secret key = 'x"] {
            fs::write(&file, format!("APP_PORT=8000\n{line}\n")).unwrap();
            let error = load_machine_file(&file).unwrap_err();
            assert!(error.contains("isn't written as NAME=value") && !error.contains("secret"), "{error}");
        }
        fs::write(&file, "OPENAI_API_KEY=\"sk-secret\n").unwrap();
        assert!(load_machine_file(&file).unwrap_err().contains("OPENAI_API_KEY isn't written"));
    }
}
