//! LLM Classroom: students learn to ask a language model well.
//!
//! Data flows one way: `http → engine → store | llm | live`, and `redis` is below `live`. [`app`] alone wires the parts.

rust_i18n::i18n!("locales", fallback = "ko");

pub mod api_token;
pub mod app;
pub mod backup;
pub mod cli;
pub mod config;
pub mod doctor;
pub mod engine;
mod host_name;
pub mod http;
pub mod lifecycle;
pub mod live;
pub mod redis;
pub mod safety_report;
pub mod server;
pub mod telemetry;
