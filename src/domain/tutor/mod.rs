//! The tutor: notes on how a student asks.

pub mod feedback;
mod markdown;
mod reading;

pub use markdown::feedback_markdown;
pub use reading::{is_json, read_feedback};
