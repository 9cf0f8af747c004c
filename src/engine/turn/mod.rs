//! The turn engine: accepting a question, running it, and the lease of this instance.

mod answer;
mod checks;
pub mod engine;
mod figures;
mod guide_slots;
mod handover;
mod keeper;
mod parts;
mod purge;
mod refusal;
mod repeat;
mod run;
mod running;
mod shutdown;
mod stateless_slots;
mod stop;
mod tenure;
mod watch;

pub use checks::REDIS_CHECKS;
pub use figures::describe as describe_metrics;
pub use refusal::AskError;
pub use repeat::{Lookup, Reservation};
pub use run::failure_reason;
pub use stateless_slots::StatelessSlot;
pub use tenure::{Terms, TermsError};
