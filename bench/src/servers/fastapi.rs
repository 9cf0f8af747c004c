//! The FastAPI programs in `bench/fastapi`.

use std::{
    fs::DirEntry,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use std::process::Command;

use super::{START_LIMIT, Server};
use crate::net::free_port;

/// Where the Python packages are installed.
const VENV: &str = "target/bench-venv";

/// One for each processor of the machine that the targets are about.
const WORKERS: usize = 2;

/// Which of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FastApi {
    /// Streams both calls and renders the answer every 40 ms, as this program does.
    Rendering,
    /// Renders nothing, and asks for the tutor's reply as a whole.
    Plain,
    /// The shape of a prototype: blocking calls, one after the other, nothing streamed or stored.
    Prototype,
}

impl FastApi {
    /// Its name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rendering => "FastAPI, same work",
            Self::Plain => "FastAPI, renders nothing",
            Self::Prototype => "FastAPI, blocking prototype",
        }
    }

    /// Starts it with two workers and an empty database.
    pub async fn start(self, model_url: &str) -> anyhow::Result<Server> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
        let port = free_port()?;
        let root = root();
        let app = if self == Self::Prototype { "prototype:app" } else { "app:app" };
        let flag = |is_on: bool| if is_on { "1" } else { "0" };
        let mut command = Command::new(root.join(VENV).join("bin/python"));
        command
            .args(["-m", "uvicorn", app, "--workers", &WORKERS.to_string(), "--loop", "uvloop", "--http", "httptools"])
            .args(["--no-access-log", "--log-level", "warning", "--backlog", "16384"])
            .args(["--port", &port.to_string(), "--app-dir"])
            .arg(root.join("bench/fastapi"))
            .env("OPENAI_BASE_URL", model_url)
            .env("DATABASE", folder.path().join("fastapi.db"))
            .env("PROMPTS", root.join("crates/tutor/src/prompts"))
            .env("RENDER", flag(self == Self::Rendering))
            .env("STREAM_TUTOR", flag(self == Self::Rendering))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(std::process::Stdio::null());
        let data = folder.path().to_owned();
        let server = Server::start(&mut command, port, "/health", folder).await.context(self.name())?;
        if self != Self::Prototype {
            wait_for_workers(&data).await?;
        }
        Ok(server)
    }
}

/// Waits until each worker has left its mark: the first would get all connections.
async fn wait_for_workers(data: &Path) -> anyhow::Result<()> {
    let is_mark = |entry: &DirEntry| entry.file_name().to_string_lossy().starts_with("ready-");
    let began = Instant::now();
    while std::fs::read_dir(data)?.flatten().filter(is_mark).count() < WORKERS {
        ensure!(began.elapsed() < START_LIMIT, "FastAPI's workers don't start");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The folder of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_owned).unwrap_or_default()
}
