//! The output of the commands; their work is in other modules.

pub mod backup;
pub mod migrate;
pub mod output;
