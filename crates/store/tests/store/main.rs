//! The contract of the store, written once and kept by both engines.

#![allow(clippy::unwrap_used, reason = "everything here is a test")]

mod accepting;
mod api_tokens;
mod conversations;
mod database;
mod dump;
mod finishing;
mod grouping;
mod guides;
mod learners;
mod leases;
mod moving;
mod moving_refused;
mod opening;
#[path = "../../../../tests/support/postgres.rs"]
mod postgres;
mod previous;
mod purge;
mod retrying;
mod rules;
mod turns;
mod usage;
