//! Where settings come from when neither flag nor environment has them.

use std::{env, fs, io::ErrorKind, path::Path};

/// Where the Debian package keeps a server's settings. systemd reads them for the service; this is for the operator at
/// the command line, who wants the same.
const OF_THE_MACHINE: &str = "/etc/llm-classroom/llm-classroom.env";

/// Where packages put programs. One from there is this machine's service, whatever folder its operator stands in: that
/// one's `.env` may be another program's.
const INSTALLED: &str = "/usr/";

/// Puts what `.env` says into the environment, below what is there; for an installed program, or where there is no `.env`,
/// what the machine's settings say. To be called before any thread starts.
///
/// # Errors
/// A file that is there and can't be read, as a sentence.
pub fn load() -> Result<(), String> {
    let machine = Path::new(OF_THE_MACHINE);
    if machine.exists() && env::current_exe().is_ok_and(|program| program.starts_with(INSTALLED)) {
        of_the_machine(machine)?;
        return place_data();
    }
    match dotenvy::dotenv() {
        Ok(_) => Ok(()),
        Err(error) if error.not_found() => of_the_machine(machine),
        // A folder that this user may not look into. Where it may, the file is seen.
        Err(dotenvy::Error::Io(error))
            if error.kind() == ErrorKind::PermissionDenied && !Path::new(".env").exists() =>
        {
            of_the_machine(machine)
        }
        Err(error) => Err(unreadable(Path::new("the file .env"), &error)),
    }
}

/// Where an installed program keeps what it keeps, if its settings don't say: the same for the service and for whoever
/// looks after it.
fn place_data() -> Result<(), String> {
    let mut places = String::from("BACKUP_URL=/var/backups/llm-classroom\n");
    let credential = env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join("DATABASE_URL"));
    if env::var_os("DATABASE_URL_FILE").is_none_or(|path| path.is_empty()) && !credential.is_some_and(|it| it.exists())
    {
        places += "DATABASE_URL=sqlite:///var/lib/llm-classroom/llm-classroom.db\n";
    }
    // Below what is there already.
    dotenvy::from_read(places.as_bytes()).map_err(|error| error.to_string())
}

/// Whether there are settings of this machine that this user may not read.
#[must_use]
pub fn are_hidden() -> bool {
    fs::File::open(OF_THE_MACHINE).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
}

/// Names the setting and not its line, which may hold a secret.
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

fn of_the_machine(path: &Path) -> Result<(), String> {
    match dotenvy::from_path(path) {
        Err(dotenvy::Error::Io(error)) if error.kind() == ErrorKind::PermissionDenied => {
            // They hold secrets. Whoever only wants the version or another database needs none of them; the doctor says so.
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
            let said = of_the_machine(&file).unwrap_err();
            assert!(said.contains("isn't written as NAME=value") && !said.contains("secret"), "{said}");
        }
        fs::write(&file, "OPENAI_API_KEY=\"sk-secret\n").unwrap();
        assert!(of_the_machine(&file).unwrap_err().contains("OPENAI_API_KEY isn't written"));
    }
}
