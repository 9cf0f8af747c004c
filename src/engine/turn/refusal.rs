//! Why a question is not accepted.

use std::time::Duration;

use domain::TurnId;
use domain::turn::TurnState;
use store::StoreError;

/// Why a message was not accepted, or a turn not retried.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No such conversation or turn, or not this learner's.
    #[error("not found")]
    NotFound,
    /// The conversation already has a running turn.
    #[error("turn {0} is still running")]
    Busy(TurnId),
    /// The key was used for another message before.
    #[error("the idempotency key belongs to another message")]
    KeyReused,
    /// The turn is done, so it can't be retried.
    #[error("the turn is {}", .0.as_str())]
    NotRetriable(TurnState),
    /// The day's tokens are spent.
    #[error("the day's tokens are spent")]
    BudgetSpent {
        /// The time until there are tokens again.
        retry_in: Duration,
    },
    /// All slots are in use.
    #[error("all slots are in use")]
    Full,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Draining,
    /// This instance isn't sure of its lease: the database is unavailable, or another instance has taken it over.
    #[error("no lease")]
    NoLease,
    /// The store failed. The message may or may not have been stored: sending again with the same key is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug: the task that accepts messages panicked.
    #[error("the accepting task panicked")]
    Lost,
}
