//! Lease numbers and the fencing token that a run of a turn writes with.

use domain::TurnId;

/// The number of an instance's lease. Numbers rise and are never reused, so an instance that returns after its lease was
/// revoked can't write under the old number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease(pub i64);

/// Fences the writes of a run by turn, attempt and lease. After the turn was interrupted, retried or deleted, writes with
/// an earlier token change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FencingToken {
    /// The turn.
    pub turn: TurnId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The lease of the instance that runs the turn.
    pub lease: Lease,
}
