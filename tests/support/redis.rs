//! A real Redis for one test: on a free port, in a temporary folder, without anything on disk.
//!
//! A shell watches over it and ends it when the pipe to the tests closes, which happens however they end.

#![allow(dead_code, reason = "each test binary uses another part")]

#[path = "certificates.rs"]
pub mod certificates;

use std::{
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A running server. Dropping it kills it.
pub struct RedisServer {
    port: u16,
    tls: bool,
    folder: TempDir,
    /// The shell that holds the server.
    guard: Option<Child>,
}

/// Starts the server, writes its process id to a file, and kills it when the pipe from the tests closes.
const SCRIPT: &str = r#"
redis-server "$@" >>log 2>&1 &
echo $! >pid
cat >/dev/null
kill -KILL "$(cat pid)" 2>/dev/null
"#;
const PASSWORD: &str = "secret-word";

/// A free port for a server that comes back to it. The kernel gives none of these to outgoing connections, which could
/// otherwise use it when the server restarts.
pub fn lasting_port() -> u16 {
    loop {
        let port = fastrand::u16(15_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl RedisServer {
    /// Without a password, unencrypted.
    pub fn start() -> Self {
        Self::new(false)
    }

    /// With a password, over TLS alone; its certificate is signed by the authority in [`Self::ca_file`].
    pub fn with_password_and_tls() -> Self {
        Self::new(true)
    }

    fn new(tls: bool) -> Self {
        let folder = tempfile::Builder::new().prefix("redis-").tempdir().expect("a temporary folder");
        let port = lasting_port();
        let mut server = Self { port, tls, folder, guard: None };
        if tls {
            certificates::make(server.folder.path());
        }
        server.restart();
        server
    }

    /// `redis://…` or `rediss://…`.
    pub fn url(&self) -> String {
        if self.tls {
            format!("rediss://:{PASSWORD}@127.0.0.1:{}/0", self.port)
        } else {
            format!("redis://127.0.0.1:{}/0", self.port)
        }
    }

    /// The certificate of the authority behind the server's own.
    pub fn ca_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut guard) = self.guard.take() {
            drop(guard.stdin.take());
            guard.wait().expect("the shell ends");
        }
    }

    /// Starts it, empty, at the same address; kills it before if it runs.
    pub fn restart(&mut self) {
        self.kill();
        let mut command = Command::new("sh");
        command.args(["-c", SCRIPT, "redis", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        let port = self.port.to_string();
        if self.tls {
            command.args(["--port", "0", "--tls-port", &port, "--requirepass", PASSWORD, "--tls-auth-clients", "no"]);
            command.args([
                "--tls-cert-file",
                "server.pem",
                "--tls-key-file",
                "server.key",
                "--tls-ca-cert-file",
                "ca.pem",
            ]);
        } else {
            command.args(["--port", &port]);
        }
        let guard = command
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            // A Ctrl-C meant for the tests doesn't reach the shell, which has to clean up after them.
            .process_group(0)
            .spawn()
            .expect("sh runs");
        self.guard = Some(guard);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                Instant::now() < deadline,
                "Redis didn't start. These tests need the Debian package `redis-server`. {}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            sleep(Duration::from_millis(5));
        }
    }

    /// Deletes all keys, as a Redis that evicts does.
    pub fn flush(&self) {
        assert!(!self.tls, "only the plain server is flushed");
        self.run(Command::new("redis-cli").args(["-p", &self.port.to_string(), "FLUSHALL"]));
    }

    /// Stops the process: connections stay open, nothing answers.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Resumes the process.
    pub fn resume(&self) {
        self.signal("CONT");
    }

    fn signal(&self, signal: &str) {
        self.run(Command::new("sh").args(["-c", "kill -$0 $(cat pid)", signal]));
    }

    fn run(&self, command: &mut Command) {
        let done = command.current_dir(self.folder.path()).output().expect("the command runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}
