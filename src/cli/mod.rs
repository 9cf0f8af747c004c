//! The commands, as the operator sees them; each one's work is in a module of its own.

pub mod backup;
pub mod migrate;
pub mod output;
