//! What the program tells its operator while it runs.

pub mod metrics;
