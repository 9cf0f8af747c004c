//! The right to run turns, and under which right a run writes.

use domain::TurnId;

/// A fencing number: it names the lease of one instance for as long as that instance shows signs of life. Numbers
/// rise, and none is given out twice, so an instance that comes back after it was thought dead can't pass for itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lease(pub i64);

/// What a run shows when it writes: its turn, which try of it, and the lease it runs under. A turn that was taken from
/// it, tried again or deleted doesn't accept it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hold {
    /// The turn.
    pub turn: TurnId,
    /// Which try, from 1.
    pub attempt: u32,
    /// The lease of the instance that runs it.
    pub lease: Lease,
}
