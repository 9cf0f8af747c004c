//! A fast stand-in for OpenAI's server: the same reply at the same pace to every call.
//!
//! It runs as a process of its own, so that its processor time is counted apart from the driver's.

mod call;
mod pace;
mod replies;
mod serve;

pub use pace::Pace;
pub use serve::serve;

use std::{
    io::{BufRead, BufReader},
    net::{Ipv4Addr, SocketAddr},
};

use anyhow::Context;

use crate::process::Process;

/// A running provider, which ends with this value.
pub struct Provider {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub process: Process,
    /// How fast it writes.
    pub pace: Pace,
}

impl Provider {
    /// Starts one at this pace on a free port.
    pub fn start(pace: Pace) -> anyhow::Result<Self> {
        let mut command = std::process::Command::new(std::env::current_exe()?);
        command.arg("provider").args(pace.arguments()).stdout(std::process::Stdio::piped());
        let mut process = Process::start(&mut command)?;
        let output = process.take_stdout().context("the provider's output is piped")?;
        let line = BufReader::new(output).lines().next().context("the provider ended at once")??;
        let port = line.rsplit(':').next().and_then(|port| port.parse().ok()).context("it prints its port")?;
        Ok(Self { address: (Ipv4Addr::LOCALHOST, port).into(), process, pace })
    }

    /// What belongs in `OPENAI_BASE_URL`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}
