//! This program as an operator runs it, with nothing but its limits raised.

use std::path::{Path, PathBuf};

use std::process::Command;

use super::Server;
use crate::net::free_port;

/// How to start this program.
#[derive(Debug, Clone)]
pub struct Classroom {
    /// The release build.
    pub binary: PathBuf,
    /// The model server; none means the built-in practice partner.
    pub model_url: Option<String>,
}

impl Classroom {
    /// Starts it with an empty database.
    pub async fn start(&self) -> anyhow::Result<Server> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
        self.start_in(folder).await
    }

    /// Starts it with the database of a folder, or an empty one.
    pub async fn start_in(&self, folder: tempfile::TempDir) -> anyhow::Result<Server> {
        let port = free_port()?;
        let mut command = self.command(folder.path(), port);
        Server::start(&mut command, port, "/health", folder).await
    }

    /// Starts it with an empty database and another command around its own.
    pub async fn start_with(&self, wrap: impl FnOnce(Command) -> Command) -> anyhow::Result<Server> {
        let folder = tempfile::Builder::new().prefix("bench-").tempdir()?;
        let port = free_port()?;
        let mut command = wrap(self.command(folder.path(), port));
        Server::start(&mut command, port, "/health", folder).await
    }

    fn command(&self, folder: &Path, port: u16) -> Command {
        // It starts in another folder.
        let mut command = Command::new(std::path::absolute(&self.binary).unwrap_or_else(|_| self.binary.clone()));
        command
            .env_clear()
            .env("DATABASE_URL", format!("sqlite://{}", database(folder).display()))
            .env("APP_PORT", port.to_string())
            .env("RATE_LIMIT", "off")
            .env("MAX_TURNS", "20000")
            .env("MAX_CONNECTIONS", "19000")
            .env("MAX_FOLLOWERS", "50000")
            .env("MAX_FOLLOWERS_PER_LEARNER", "50000")
            .env("MAX_FOLLOWERS_PER_TURN", "50000")
            .env("RUST_LOG", "warn")
            .current_dir(folder)
            .stdout(std::process::Stdio::null());
        if let Some(url) = &self.model_url {
            command.env("OPENAI_BASE_URL", url).env("OPENAI_API_KEY", "none");
        }
        command
    }
}

/// The database in a folder.
pub fn database(folder: &Path) -> PathBuf {
    folder.join("classroom.db")
}
