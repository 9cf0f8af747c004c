//! LLM Classroom: students learn to ask a language model well.
//!
//! Data flows one way: `http → engine → store | llm | bus`; what instances share is below. [`app`] alone wires the parts.

rust_i18n::i18n!("locales", fallback = "ko");

pub mod app;
pub mod backup;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod engine;
pub mod http;
pub mod live;
pub mod redis;
pub mod server;
pub mod telemetry;
