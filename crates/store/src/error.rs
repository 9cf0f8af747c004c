//! The error of all methods of the store.

use std::error::Error;

use sea_orm::{
    DbErr, RuntimeErr, SqlErr, SqlxSqliteError,
    sqlx::{self, error::DatabaseError},
};

use domain::turn::TurnState;

/// Why the store could not do what was asked.
///
/// Any method may fail with [`StoreError::Unavailable`] or [`StoreError::Busy`], and one that reads with
/// [`StoreError::Corrupt`]. The `# Errors` sections of the methods name other cases only. A write that fails has changed
/// nothing.
///
/// The texts contain no SQL and no stored value, so they may be shown; the cause is in `source()`, for the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, is shutting down, or has no connection or no room left. Later may work.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// Another transaction held a lock for too long. A retry may succeed at once.
    #[error("the database is busy")]
    Busy(#[source] DbErr),
    /// Something stored can't be read: a damaged file, or data of another version of the program.
    #[error("the database holds something that can't be read")]
    Corrupt(#[source] Box<dyn Error + Send + Sync>),
    /// A new row violates a uniqueness rule.
    #[error("the database holds this already")]
    Conflict(Constraint, #[source] DbErr),
    /// The database URL names no database. The text says what is missing and doesn't repeat the URL.
    #[error("the database URL can't be used: {0}")]
    Url(String),
    /// The outcome of a turn has a state that is not final.
    #[error("a turn can't be finished as {}", .0.as_str())]
    NotFinal(TurnState),
    /// A newer version of the program removed from the tables what this one needs. Names the step.
    #[error("the database was updated by a newer version of the program (step {0}); run that version")]
    Newer(String),
    /// There is a table of this name that another program made, or that stands in another schema of PostgreSQL.
    #[error(
        "the database holds a table {0} that isn't this program's, or that stands in another schema; nothing was changed; \
         name a database of its own"
    )]
    Occupied(String),
    /// A table of this name was made and isn't there any more.
    #[error(
        "the database lacks the table {0}, which it had; nothing was changed; restore a backup into an empty database"
    )]
    Incomplete(&'static str),
    /// The database refused a statement: a defect of the program.
    #[error("the database refused the request")]
    Refused(#[source] DbErr),
}

/// A rule that the database enforces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// A token belongs to one learner.
    LearnerToken,
    /// Two turns of a conversation don't stand in one place.
    TurnPlace,
    /// A key names one turn of a conversation.
    TurnKey,
    /// One turn of a conversation runs at a time.
    TurnRunning,
    /// A request begins one conversation.
    ConversationRequest,
    /// Any other: an id that is taken.
    Other,
}

impl Constraint {
    /// Each with the name of its index, by which PostgreSQL reports it, and its columns, by which SQLite does.
    const KNOWN: [(Self, &str, &str); 5] = [
        (Self::LearnerToken, "learners_token", "learners.token_hash"),
        (Self::TurnPlace, "turns_place", "turns.conversation_id, turns.seq"),
        (Self::TurnKey, "turns_key", "turns.conversation_id, turns.idempotency_key"),
        (Self::TurnRunning, "turns_running", "turns.conversation_id"),
        (Self::ConversationRequest, "conversation_requests_pkey", "conversation_requests.key_hash"),
    ];

    fn of(error: &dyn DatabaseError) -> Self {
        let columns = error.message().strip_prefix("UNIQUE constraint failed: ");
        Self::KNOWN
            .into_iter()
            .find(|(_, index, of)| error.constraint() == Some(index) || columns == Some(of))
            .map_or(Self::Other, |(constraint, ..)| constraint)
    }
}

impl StoreError {
    /// A column with a value that the program never writes.
    pub(super) fn unreadable(column: &'static str) -> Self {
        Self::Corrupt(format!("{column} holds an unexpected value").into())
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(_) => Self::Unavailable(error),
            DbErr::Type(_) | DbErr::Json(_) | DbErr::TryIntoErr { .. } => Self::Corrupt(error.into()),
            DbErr::Conn(RuntimeErr::SqlxError(cause))
            | DbErr::Exec(RuntimeErr::SqlxError(cause))
            | DbErr::Query(RuntimeErr::SqlxError(cause)) => match Kind::of(&error, cause) {
                Kind::Unavailable => Self::Unavailable(error),
                Kind::Busy => Self::Busy(error),
                Kind::Corrupt => Self::Corrupt(error.into()),
                Kind::Conflict(constraint) => Self::Conflict(constraint, error),
                Kind::Refused => Self::Refused(error),
            },
            _ => Self::Refused(error),
        }
    }
}

enum Kind {
    Unavailable,
    Busy,
    Corrupt,
    Conflict(Constraint),
    Refused,
}

impl Kind {
    fn of(error: &DbErr, cause: &sqlx::Error) -> Self {
        match cause {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Self::Corrupt,
            sqlx::Error::Database(database) => {
                if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
                    Self::Conflict(Constraint::of(database.as_ref()))
                } else {
                    let code = database.code().unwrap_or_default();
                    if database.try_downcast_ref::<SqlxSqliteError>().is_some() {
                        Self::of_sqlite(code.parse().unwrap_or_default())
                    } else {
                        Self::of_postgres(&code)
                    }
                }
            }
            _ => Self::Refused,
        }
    }

    /// By SQLite's result codes, <https://www.sqlite.org/rescode.html>. The low byte is the primary code.
    fn of_sqlite(code: i32) -> Self {
        match code & 0xff {
            5 | 6 => Self::Busy,                   // BUSY, LOCKED
            8 | 10 | 13 | 14 => Self::Unavailable, // READONLY, IOERR, FULL, CANTOPEN
            11 | 26 => Self::Corrupt,              // CORRUPT, NOTADB
            _ => Self::Refused,
        }
    }

    /// By SQLSTATE, <https://www.postgresql.org/docs/current/errcodes-appendix.html>.
    fn of_postgres(code: &str) -> Self {
        match code {
            // serialization failure, deadlock, lock not available
            "40001" | "40P01" | "55P03" => Self::Busy,
            // data or index corrupted
            "XX001" | "XX002" => Self::Corrupt,
            _ => match code.get(..2) {
                // connection, authorisation, no such database, resources, operator intervention, system
                Some("08" | "28" | "3D" | "53" | "57" | "58") => Self::Unavailable,
                _ => Self::Refused,
            },
        }
    }
}
