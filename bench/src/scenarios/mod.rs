//! What is measured, one subject a file.

pub mod ceiling;
pub mod cpu;
pub mod first_text;
pub mod instructions;
pub mod memory;
pub mod pages;
pub mod scale;
pub mod start;
pub mod stateless;
pub mod tools;

use std::path::PathBuf;

use crate::{provider::Provider, servers::Classroom};

/// What all scenarios share.
pub struct Setup {
    /// This program's release build.
    pub binary: PathBuf,
    /// The model server at its usual pace.
    pub provider: Provider,
    /// How often paired measurements are repeated.
    pub rounds: usize,
}

impl Setup {
    /// This program with the usual model server.
    pub fn classroom(&self) -> Classroom {
        self.classroom_with(&self.provider)
    }

    /// This program with another model server.
    pub fn classroom_with(&self, provider: &Provider) -> Classroom {
        Classroom { binary: self.binary.clone(), model_url: Some(provider.base_url()) }
    }
}
