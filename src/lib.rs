//! LLM Classroom: students learn to ask a language model well.
//!
//! Data flows one way: `http → domain → store | llm | bus | render`; what instances share is below. [`app`] alone wires the parts.

rust_i18n::i18n!("locales", fallback = "ko");

pub mod app;
pub mod backup;
pub mod bus;
pub mod config;
pub mod doctor;
pub mod domain;
pub mod http;
pub mod keeping;
pub mod language;
pub mod llm;
pub mod moving;
pub mod observe;
pub mod output;
pub mod render;
pub mod serve;
pub mod shared;
pub mod store;
