//! LLM Classroom: students learn to ask a language model well.
//!
//! Data flows one way: `http → domain → store | llm | bus | render`. [`app`] alone wires the parts.

pub mod app;
pub mod bus;
pub mod config;
pub mod domain;
pub mod http;
pub mod llm;
pub mod render;
pub mod store;
