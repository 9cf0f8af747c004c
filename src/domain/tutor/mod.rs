//! The tutor: notes on how a student asks.

pub mod feedback;
