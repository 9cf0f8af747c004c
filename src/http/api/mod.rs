//! The JSON API and its event streams.

pub mod chat;
pub mod conversations;
mod creation;
pub mod docs;
mod event_schema;
pub mod events;
pub mod export;
mod extract;
pub mod guide;
mod json;
pub mod probe;
pub mod status;
mod surrogates;
pub mod turns;

pub use extract::{PathId, Query};
pub use json::Json;
