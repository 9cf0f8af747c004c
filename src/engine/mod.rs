//! The turn engine and what stands around it: guides, budget, stateless calls.
//!
//! Nothing here knows HTTP, SQL or the wire format of a model server.

pub mod assistant;
pub mod breaker;
pub mod budget;
pub mod budgets;
pub mod covering;
pub mod guides;
pub mod keyed_locks;
pub mod rendered;
pub mod request_key;
pub mod stateless;
pub mod turn;
pub mod usage_guard;
