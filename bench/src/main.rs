//! Measures this program beside others on one machine. `make bench` runs all of it; docs/performance.md explains it.

mod class;
mod commits;
mod everything;
mod growth;
mod http;
mod limited;
mod load;
mod machine;
mod meter;
mod net;
mod plot;
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
    /// Measure the most important, in two minutes
    Quick(everything::Arguments),
    /// Render an answer this often, to be counted
    #[command(hide = true)]
    Render {
        /// How often
        times: usize,
    },
    /// Measure how many commits a second SQLite takes from writers at work together
    Commits(commits::Arguments),
    /// Measure how things grow
    Growth(growth::Arguments),
    /// Measure within 400 MB of memory
    Limited(limited::Arguments),
    /// Measure turns of this program alone
    Turns(turns::Arguments),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    net::raise_open_files();
    // Driver and model server take one processor each; the store of `commits` runs in this process.
    let mut runtime = match cli.command {
        Command::Commits(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    runtime.enable_all().build()?.block_on(run(cli.command))
}

async fn run(command: Command) -> anyhow::Result<()> {
    let work = async {
        match command {
            Command::Provider { port, pace } => provider::serve(port, pace).await,
            Command::All(arguments) => everything::run(&arguments, &everything::ALL).await,
            Command::Quick(arguments) => everything::run(&arguments, &everything::QUICK).await,
            Command::Render { times } => {
                scenarios::instructions::render(times);
                Ok(())
            }
            Command::Commits(arguments) => commits::run(&arguments).await,
            Command::Growth(arguments) => growth::run(&arguments).await,
            Command::Limited(arguments) => limited::run(&arguments).await,
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
