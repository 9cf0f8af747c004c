//! Turns of this program alone: the quick look while something is optimised.

use std::path::PathBuf;

use serde_json::json;

use crate::{
    class::Class,
    provider::{Pace, Provider},
    servers::Classroom,
    stats::Samples,
};

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// The program's release build
    #[arg(long, default_value = "target/release/llm-classroom")]
    binary: PathBuf,
    /// Students that ask at once
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    students: u16,
    /// Questions of each in a round
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    turns: u16,
    /// How often it is repeated
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    #[command(flatten)]
    pace: Pace,
}

/// Prints one line of figures for each round.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let provider = Provider::start(arguments.pace)?;
    let classroom = Classroom { binary: arguments.binary.clone(), model_url: Some(provider.base_url()) };
    let server = classroom.start().await?;
    let megabytes = |bytes: u64| (bytes as f64 / 1e5).round() / 10.0;
    let idle = server.process.usage();
    println!(
        "start {:.1} ms, idle {} MB ({} MB not from files)",
        server.start.as_secs_f64() * 1000.0,
        megabytes(idle.resident),
        megabytes(idle.anonymous)
    );
    let class = Class { students: arguments.students.into(), turns: arguments.turns.into(), has_pages: true };
    for _ in 0..arguments.rounds {
        let outcome = class.run(server.address, &server.process, &provider.process).await?;
        let spread = |samples: Samples| {
            let round = |number: f64| (number * 10.0).round() / 10.0;
            json!({ "p50": round(samples.median()), "p99": round(samples.p99()) })
        };
        let first = spread(outcome.millis(|turn| turn.first_text.saturating_sub(arguments.pace.first())));
        let line = json!({
            "turns": outcome.turns.len(),
            "cpu_us_a_turn": outcome.cpu_us_a_turn().round(),
            "accepted_ms": spread(outcome.millis(|turn| turn.accepted)),
            "added_first_text_ms": first,
            "whole_ms": spread(outcome.millis(|turn| turn.whole)),
            "page_ms": spread(Samples::millis(outcome.pages.iter().copied())),
            "resident_mb": megabytes(outcome.busy.server.resident),
        });
        println!("{line} {}", outcome.note());
    }
    server.process.stop().await?;
    Ok(())
}
