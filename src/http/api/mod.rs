//! The API: thin handlers that read, call once, and answer.

mod beginning;
pub mod chat;
pub mod conversations;
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
