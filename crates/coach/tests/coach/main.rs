//! The coach against questions labelled by hand, and against junk.

#![allow(clippy::unwrap_used, reason = "a test says what it expects by what it unwraps")]

mod agreement;
mod labelled;
mod notes;
mod practice;
