//! The turn engine: accepts questions, runs their turns, and holds the lease of this instance.
//!
//! [`TurnEngine::start`] wires the parts. [`TurnService`] is the entrance; each part has the fields that it needs.

mod admission;
mod answer;
mod cancel;
mod checks;
mod commit;
mod failure;
mod guide_slots;
mod handover;
mod instance_lease;
mod lease_loop;
mod purge;
mod reader;
mod refusal;
mod remote_watcher;
mod repeat;
mod retention;
mod run;
mod running;
mod service;
mod start;
mod stateless_slots;
mod turn_metrics;

pub use checks::REDIS_CHECKS;
pub use failure::failure_reason;
pub use guide_slots::{GuideSlot, GuideSlots};
pub use instance_lease::{InstanceLease, LeaseConfig, LeaseConfigError, POSTGRES_LEASE_LIFETIME};
pub use reader::{Following, FoundTurn};
pub use refusal::AskError;
pub use repeat::{Lookup, Reservation};
pub use service::TurnService;
pub use start::{Dependencies, TurnEngine};
pub use stateless_slots::{StatelessSlot, StatelessSlots};
pub use turn_metrics::describe as describe_metrics;
