//! Measures this program beside others on one machine. `make bench` runs all of it; docs/performance.md explains it.

mod class;
mod everything;
mod http;
mod load;
mod machine;
mod meter;
mod net;
mod process;
mod provider;
mod report;
mod scenarios;
mod servers;
mod sse;
mod stateless;
mod stats;
mod student;
mod texts;
mod turns;

use clap::{Parser, Subcommand};

/// Measures this program beside others on one machine.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve as the model server, until ended
    Provider {
        /// The port on 127.0.0.1; 0 for a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        #[command(flatten)]
        pace: provider::Pace,
    },
    /// Measure everything
    All(everything::Arguments),
    /// Measure turns of this program alone
    Turns(turns::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    net::raise_open_files();
    let work = async {
        match cli.command {
            Command::Provider { port, pace } => provider::serve(port, pace).await,
            Command::All(arguments) => everything::run(&arguments).await,
            Command::Turns(arguments) => turns::run(&arguments).await,
        }
    };
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    // However the bench ends, it ends what it started.
    tokio::select! {
        result = work => result,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminated.recv() => anyhow::bail!("terminated"),
    }
}
