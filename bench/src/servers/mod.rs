//! The servers that are measured.

mod classroom;
mod fastapi;
pub mod nginx;

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::bail;

pub use classroom::{Classroom, database};
pub use fastapi::{FastApi, root};

use crate::{http::Connection, process::Process};

/// How long a server may take to answer its first request.
const START_LIMIT: Duration = Duration::from_secs(60);

/// A running server, which ends with this value.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process, with those it started.
    pub process: Process,
    /// From its start to its first response with the status 200.
    pub start: Duration,
    /// Where it stores data.
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a server and waits until this path answers 200.
    async fn start(
        command: &mut std::process::Command,
        port: u16,
        path: &str,
        folder: tempfile::TempDir,
    ) -> anyhow::Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, port).into();
        let began = Instant::now();
        let mut process = Process::start(command)?;
        loop {
            if let Ok(mut connection) = Connection::open(address, 0).await
                && connection.call("GET", path, None, 200).await.is_ok()
            {
                return Ok(Self { address, process, start: began.elapsed(), folder });
            }
            if !process.is_running() || began.elapsed() > START_LIMIT {
                bail!("{command:?} doesn't answer at {address}");
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// The folder with its data.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops it; its data.
    pub async fn stop(self) -> anyhow::Result<tempfile::TempDir> {
        self.process.stop().await?;
        Ok(self.folder)
    }
}
