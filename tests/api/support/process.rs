//! The program as a process of its own, which can be killed.

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
    /// What it printed at the start.
    pub banner: String,
    /// Open as long as the process lives, so that it can print.
    _stdout: BufReader<ChildStdout>,
}

impl Process {
    /// Starts it in a folder, where its database will be, with these environment variables and no others.
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

    /// `kill -9`: no warning, no chance to put anything in order.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// `kill -TERM`, as systemd and containers send it.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let kill = "kill -$1 $0";
        let killed = Command::new("sh").args(["-c", kill, &self.child.id().to_string(), name]).status();
        assert!(killed.unwrap().success());
    }

    /// Waits until it has ended by itself.
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
