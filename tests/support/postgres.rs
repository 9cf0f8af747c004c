//! A real PostgreSQL for the tests: one server a test binary, one fresh database a test.
//!
//! It listens on a socket in a temporary folder only, so it meets no other server and needs no port. A shell watches
//! over it and ends when the pipe to the tests does, which happens however they end: then it stops the server and
//! deletes the folder.

#![allow(dead_code, reason = "each test binary uses another part")]

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
static DATABASES: AtomicU32 = AtomicU32::new(0);

/// A running server, which ends with the tests at the latest.
pub struct Server {
    programs: PathBuf,
    folder: PathBuf,
    /// User and group to run its programs as; none if they are ours.
    owner: Option<(u32, u32)>,
    /// Holds the pipe open whose end is the sign to stop.
    _guard: Child,
}

/// The URL of a new, empty database on the server, which the first call starts.
///
/// # Panics
/// When there is no PostgreSQL, or it doesn't start.
pub fn fresh_database() -> String {
    SERVER.database()
}

/// Creates and starts a server, prints `ready`, and waits until the pipe from the tests closes.
const SCRIPT: &str = r#"
cd "$FOLDER" || exit 1
if "$PROGRAMS/initdb" --pgdata data --username postgres --auth trust --encoding UTF8 --no-locale --no-sync >log 2>&1 &&
   "$PROGRAMS/pg_ctl" --pgdata data --log log --wait --timeout 60 \
       --options "-k '$FOLDER' -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=300" start >/dev/null 2>>log
then echo ready
else tail -n 20 log
fi
exec 1>&-
cat >/dev/null
"$PROGRAMS/pg_ctl" --pgdata data --wait --mode immediate stop >/dev/null 2>&1
cd / && rm -rf "$FOLDER"
"#;

impl Server {
    /// Makes and starts a server of its own.
    ///
    /// # Panics
    /// When there is no PostgreSQL, or it doesn't start.
    pub fn start() -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("pg-").tempdir().expect("a temporary folder").keep();
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT]).env("PROGRAMS", &programs).env("FOLDER", &folder);
        // PostgreSQL refuses to run as root.
        let owner = is_root(&folder).then(plain_user);
        if let Some((user, group)) = owner {
            chown(&folder, Some(user), Some(group)).expect("root may change the owner of a folder");
            shell.uid(user).gid(group);
        }
        let mut guard = shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A Ctrl-C meant for the tests doesn't reach the shell, which has to clean up after them.
            .process_group(0)
            .spawn()
            .expect("sh runs");
        let lines: Vec<String> = BufReader::new(guard.stdout.take().expect("the pipe was asked for"))
            .lines()
            .map_while(Result::ok)
            .collect();
        assert_eq!(lines, ["ready"], "PostgreSQL didn't start");
        Self { programs, folder, owner, _guard: guard }
    }

    /// The URL of a new, empty database.
    ///
    /// # Panics
    /// When it can't be made.
    pub fn database(&self) -> String {
        let name = format!("test_{}", DATABASES.fetch_add(1, Ordering::Relaxed));
        let created = Command::new(self.programs.join("createdb"))
            .arg("--host")
            .arg(&self.folder)
            .args(["--username", "postgres", &name])
            .output()
            .expect("createdb runs");
        assert!(created.status.success(), "no database could be made: {}", String::from_utf8_lossy(&created.stderr));
        format!("postgres://postgres:secret-word@localhost/{name}?host={}", self.folder.display())
    }

    /// Stops it at once, as a failing machine does; what was committed stays.
    pub fn stop(&self) {
        self.pg_ctl(&["--mode", "immediate", "stop"]);
    }

    /// Starts it again where it was.
    pub fn start_again(&self) {
        let options = format!("-k '{}' -c listen_addresses= -c max_connections=300", self.folder.display());
        self.pg_ctl(&["--log", "log", "--options", &options, "start"]);
    }

    fn pg_ctl(&self, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join("pg_ctl"));
        command.args(["--pgdata", "data", "--wait", "--timeout", "60"]).args(arguments).current_dir(&self.folder);
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        // The started server would inherit pipes and hold them open, so reading them would never end.
        let done = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(done.expect("pg_ctl runs").success(), "{arguments:?} failed");
    }
}

/// The folder with the programs of the newest PostgreSQL installed.
fn programs() -> PathBuf {
    let version = |folder: &Path| folder.file_name()?.to_str()?.parse::<u32>().ok();
    fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|folder| folder.join("bin/initdb").exists())
        .max_by_key(|folder| version(folder))
        .map(|folder| folder.join("bin"))
        .expect("These tests need PostgreSQL. Install the Debian package `postgresql` (apt-get install postgresql).")
}

/// Whether the tests, which created the folder, run as root.
fn is_root(ours: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(ours).expect("the folder is there").uid() == 0
}

/// User and group of `postgres`, which the Debian package makes, or of `nobody`.
fn plain_user() -> (u32, u32) {
    let users = fs::read_to_string("/etc/passwd").expect("every Unix has /etc/passwd");
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut ids = line.split(':').skip(2).map_while(|id| id.parse().ok());
        Some((ids.next()?, ids.next()?))
    };
    ids("postgres").or_else(|| ids("nobody")).expect("a user named postgres or nobody")
}
