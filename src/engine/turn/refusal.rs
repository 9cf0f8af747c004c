//! Why a question is not taken in.

use std::time::Duration;

use domain::TurnId;
use domain::turn::TurnState;
use store::StoreError;

/// Why a message was not taken in, or a turn not tried again.
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
    /// The turn is done: there is nothing to try again.
    #[error("the turn is {}", .0.as_str())]
    NotRetriable(TurnState),
    /// The day's tokens are spent.
    #[error("the day's tokens are spent")]
    BudgetSpent {
        /// How long until there are some again.
        retry_in: Duration,
    },
    /// As many turns run as may.
    #[error("as many turns run as may")]
    Full,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Draining,
    /// This instance isn't sure of its lease: the database is away, or has been taken over.
    #[error("no lease")]
    NoLease,
    /// The store failed. Nothing was taken in, or nothing is known of it: sending again with the same key is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug: the task that takes messages in ended without a word.
    #[error("the accepting task was lost")]
    Lost,
}
