//! The turn engine: accepting a question, running it, and the lease of this instance.

mod answer;
mod checks;
pub mod engine;
mod guide_slots;
mod handover;
mod instance_lease;
mod lease_loop;
mod parts;
mod purge;
mod refusal;
mod repeat;
mod run;
mod running;
mod shutdown;
mod stateless_slots;
mod stop;
mod turn_metrics;
mod watch;

pub use checks::REDIS_CHECKS;
pub use instance_lease::{LeaseConfig, LeaseConfigError};
pub use refusal::AskError;
pub use repeat::{Lookup, Reservation};
pub use run::failure_reason;
pub use stateless_slots::StatelessSlot;
pub use turn_metrics::describe as describe_metrics;
