//! The API: thin handlers that read, call once, and answer.

mod beginning;
pub mod chat;
pub mod conversations;
pub mod docs;
mod event_schema;
pub mod events;
pub mod export;
pub mod guide;
mod json;
pub mod probe;
pub mod status;
mod surrogates;
pub mod turns;

pub use json::Json;
