//! The only SQL of the program: SQLite by default, PostgreSQL by URL, one code path for both.
//!
//! Each entity has a file, which adds methods to [`Store`] that return domain types. Methods that read a learner's data
//! take the learner's id, so that guessing another id returns nothing. Every change goes through one private method,
//! `Store::write`.
//!
//! ```
//! # tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
//! let folder = tempfile::tempdir()?;
//! let store = store::Store::open(&format!("sqlite://{}/classroom.db", folder.path().display())).await?;
//! let learner = store.add_learner(&[7; 32], store::now()).await?;
//! assert_eq!(store.learner_by_token(&[7; 32]).await?, Some(learner));
//! # store.close().await?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod api_tokens;
mod clock;
mod connect;
mod connections;
mod conversation_requests;
mod conversations;
mod copy;
mod cursor;
mod entity;
mod error;
mod file;
mod guides;
mod inspect;
mod learners;
mod lease;
mod leases;
mod lock;
mod migration;
mod purge;
mod text;
mod truncation;
mod turns;
mod usage;
mod write;

use std::{fmt, sync::Arc};

use sea_orm::DatabaseConnection;

pub use api_tokens::ApiToken;
pub use clock::now;
pub use connect::Options;
pub use conversation_requests::ConversationRequest;
pub use copy::{CopyError, CopyProgress, CopySummary, TableChecksum};
pub use cursor::{Cursor, CursorError};
pub use error::{Constraint, StoreError};
use file::OpenedFile;
pub use file::{FileFault, sqlite_path};
pub use inspect::{DatabaseReport, Tables};
pub use learners::VISIT_INTERVAL;
pub use lease::{FencingToken, Lease};
pub use leases::{LeaseGrant, LeaseMode};
pub use lock::{DatabaseInUse, DatabaseLock};
pub use purge::InactivePurge;
pub use turns::{Acceptance, Retry, RunningTurn, TurnStatus};
pub use usage::{DayTokens, UsageAccount};
pub use write::describe_metrics;
use write::{IMMEDIATE, Writer};

/// The kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatabaseEngine {
    /// A file on this machine; one instance of the program.
    Sqlite,
    /// A server; any number of instances.
    Postgres,
}

impl DatabaseEngine {
    /// The engine that a database URL names by its scheme.
    #[must_use]
    pub fn of_url(url: &str) -> Option<Self> {
        match url.split_once(':')? {
            ("sqlite", _) => Some(Self::Sqlite),
            ("postgres" | "postgresql", rest) if rest.starts_with("//") => Some(Self::Postgres),
            _ => None,
        }
    }
}

impl fmt::Display for DatabaseEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Everything the program remembers. Cheap to clone: clones share the connections.
#[derive(Clone)]
pub struct Store {
    engine: DatabaseEngine,
    /// The text of [`Store::describe`]; holds no password.
    place: Arc<str>,
    /// On SQLite a single connection, because SQLite has one writer anyway and waiting for it is fair and quiet,
    /// where two connections would meet as "database is locked".
    writer: Writer,
    /// On SQLite connections that can't write and never wait for the writer; on PostgreSQL the writer's pool.
    reader: DatabaseConnection,
    /// The SQLite file that was opened.
    file: Option<Arc<OpenedFile>>,
}

impl Store {
    /// Opens the database, creating a SQLite file and its folder if missing, and brings its tables up to date.
    ///
    /// `sqlite://PATH` or `postgres://…`; see [`Options`] for the pool sizes used.
    ///
    /// # Errors
    /// [`StoreError::Url`] for a URL that names no database, otherwise what opening or migrating met.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, Options::default()).await
    }

    /// [`Store::open`] with other pool sizes.
    pub async fn open_with(url: &str, options: Options) -> Result<Self, StoreError> {
        connect::open(url, options).await
    }

    /// The kind of database.
    #[must_use]
    pub fn engine(&self) -> DatabaseEngine {
        self.engine
    }

    /// Where the data is, for the operator: engine and place, never a password.
    #[must_use]
    pub fn describe(&self) -> &str {
        &self.place
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] when there is none, or when SQLite's file was deleted or replaced.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.check_file().await?;
        Ok(self.reader.ping().await?)
    }

    /// Checks that the paths of SQLite's file and of its log still lead to the files that were opened. What is written to a
    /// deleted file succeeds, and is lost when the program ends. A deleted log is written to the database file at once.
    ///
    /// # Errors
    /// [`FileFault`] when one doesn't.
    pub async fn check_file(&self) -> Result<(), FileFault> {
        let Some(file) = &self.file else { return Ok(()) };
        let checked = file.check().await;
        if let Err(FileFault::Log(_)) = checked {
            self.request_truncation();
        }
        checked
    }

    /// Closes all connections, of every clone, once running calls have given theirs back and what waits to be
    /// written is stored.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.reader.close_by_ref().await?;
        // Last, so that SQLite's final checkpoint is made by a connection that may write.
        Ok(self.writer.close().await?)
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("place", &self.place).finish_non_exhaustive()
    }
}
