//! All figures, or the quick ones.

use std::{fs, path::PathBuf};

use crate::{
    provider::{Pace, Provider},
    report::Report,
    scenarios::{Setup, cpu},
};

/// What to measure, and where to write it.
#[derive(clap::Args)]
pub struct Arguments {
    /// The program's release build
    #[arg(long, default_value = "target/release/llm-classroom")]
    binary: PathBuf,
    /// How often paired measurements are repeated
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Measure these subjects only
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
    /// The folder for bench.md and bench.json
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

/// A subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Subject {
    /// Processor time of a turn and the delay of its first text
    Turns,
}

const ALL: [Subject; 1] = [Subject::Turns];

/// Measures, prints the table and writes both files.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup {
        binary: arguments.binary.clone(),
        provider: Provider::start(Pace::DEFAULT).await?,
        rounds: arguments.rounds.into(),
    };
    let mut report = Report::default();
    let subjects = if arguments.only.is_empty() { &ALL[..] } else { &arguments.only };
    for subject in subjects {
        match subject {
            Subject::Turns => cpu::turns(&setup, &mut report, &[30, 150]).await?,
        }
    }
    fs::create_dir_all(&arguments.output)?;
    fs::write(arguments.output.join("bench.md"), report.markdown())?;
    fs::write(arguments.output.join("bench.json"), serde_json::to_string_pretty(&report.json())?)?;
    println!("{}", report.markdown());
    Ok(())
}
