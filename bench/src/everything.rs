//! All figures, or the quick ones.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::ensure;

use crate::{
    machine,
    provider::{Pace, Provider},
    report::{Report, Row},
    scenarios::{Setup, ceiling, cpu, first_text, instructions, memory, pages, scale, start, stateless, tools},
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
pub enum Subject {
    /// What the bench itself can do
    Ceiling,
    /// Processor time of a turn and the delay of its first text
    Turns,
    /// Processor time of a turn of a small class
    FewTurns,
    /// Instructions of the hot paths
    Instructions,
    /// Stateless calls
    Stateless,
    /// What one client alone waits for the first text
    Alone,
    /// Large classes
    Scale,
    /// Turns a second
    Capacity,
    /// Memory under load
    Memory,
    /// Memory of idle streams
    Streams,
    /// Start, and size of the program
    Start,
    /// Page views, weight of a page, long conversations
    Pages,
    /// Commits, rendering, the coach
    Tools,
}

/// In the order of the report.
pub const ALL: [Subject; 11] = [
    Subject::Ceiling,
    Subject::Turns,
    Subject::Stateless,
    Subject::Alone,
    Subject::Scale,
    Subject::Capacity,
    Subject::Memory,
    Subject::Streams,
    Subject::Start,
    Subject::Pages,
    Subject::Tools,
];

/// What two minutes suffice for.
pub const QUICK: [Subject; 4] = [Subject::FewTurns, Subject::Alone, Subject::Start, Subject::Instructions];

/// Measures, prints the table and writes both files.
pub async fn run(arguments: &Arguments, all: &[Subject]) -> anyhow::Result<()> {
    let setup = Setup {
        binary: arguments.binary.clone(),
        provider: Provider::start(Pace::DEFAULT)?,
        rounds: arguments.rounds.into(),
    };
    let mut failed = Vec::new();
    let began = Instant::now();
    let mut report = Report::default();
    machine::describe(&mut report, &setup.binary);
    let subjects = if arguments.only.is_empty() { all } else { &arguments.only };
    for &subject in subjects {
        eprintln!("{:4} s  {subject:?}", began.elapsed().as_secs());
        // The others are still worth knowing.
        if let Err(error) = measure(subject, &setup, &mut report).await {
            report
                .add(Row::new(format!("{subject:?}"), "failed").target("no failure", false).note(format!("{error:#}")));
            failed.push(format!("{subject:?}"));
        }
    }
    report.describe("took", format!("{} s", began.elapsed().as_secs()));
    fs::create_dir_all(&arguments.output)?;
    fs::write(arguments.output.join("bench.md"), report.markdown())?;
    fs::write(arguments.output.join("bench.json"), serde_json::to_string_pretty(&report.json())?)?;
    println!("{}", report.markdown());
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

async fn measure(subject: Subject, setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    match subject {
        Subject::Ceiling => ceiling::measure(setup, report).await,
        Subject::Turns => cpu::turns(setup, report, &[30, 150]).await,
        Subject::FewTurns => cpu::turns(setup, report, &[30]).await,
        Subject::Instructions => instructions::count(setup, report).await,
        Subject::Stateless => {
            stateless::processor_time(setup, report).await?;
            stateless::throughput(setup, report).await
        }
        Subject::Alone => {
            first_text::alone(setup, report).await?;
            scale::against_slower_call(setup, report).await
        }
        Subject::Scale => scale::class_sizes(setup, report).await,
        Subject::Capacity => scale::capacity(setup, report).await,
        Subject::Memory => memory::burst(setup, report).await,
        Subject::Streams => memory::idle_streams(setup, report).await,
        Subject::Start => start::first_response(setup, report).await,
        Subject::Pages => {
            pages::views(setup, report).await?;
            pages::weight(setup, report).await?;
            pages::history(setup, report).await
        }
        Subject::Tools => {
            tools::commits(report)?;
            tools::speeds(setup, report)
        }
    }
}
