//! The program as a process that can be killed.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
};

use super::{
    eventually,
    student::{Student, http_client},
};

/// A running `llm-classroom`. Dropping it kills it.
pub struct Process {
    child: Child,
    pub url: String,
    /// The output at the start.
    pub banner: String,
    /// Kept open, so that the process can write to it.
    _stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the program in a directory, which will contain its database, with only these environment variables.
    pub fn start(folder: &Path, environment: &[(&str, &str)]) -> Self {
        let log = File::options().create(true).append(true).open(folder.join("log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_llm-classroom"))
            .current_dir(folder)
            .env_clear()
            .env("APP_PORT", "0")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        while !banner.contains("\n  answers ") {
            let read = stdout.read_line(&mut banner).unwrap();
            assert_ne!(read, 0, "the program ended: {}", std::fs::read_to_string(folder.join("log")).unwrap());
        }
        let address = banner.lines().find_map(|line| line.trim().strip_prefix("open "));
        let url = address.expect("the banner says where to open it").trim().to_owned();
        Self { child, url, banner, _stdout: stdout }
    }

    pub fn student(&self) -> Student {
        Student::new(http_client(), self.url.clone())
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`, as systemd and containers send it.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends the signal with this name.
    pub fn signal(&self, name: &str) {
        let kill = "kill -$1 $0";
        let killed = Command::new("sh").args(["-c", kill, &self.child.id().to_string(), name]).status();
        assert!(killed.unwrap().success());
    }

    /// Waits for the end of the process.
    pub async fn ended(mut self) -> ExitStatus {
        let child = std::sync::Mutex::new(&mut self.child);
        eventually("the process's end", async || child.lock().unwrap().try_wait().unwrap()).await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
