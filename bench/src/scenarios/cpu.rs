//! Processor time of a turn and the delay of its first text, beside FastAPI, in turns so that a noisy machine is noisy for
//! all.

use serde_json::json;

use super::Setup;
use crate::{
    class::{Class, Outcome},
    report::{Report, Row, cpu, digits, ms},
    servers::{FastApi, Server},
    stats::Samples,
};

/// How often each student asks in a round.
const TURNS: usize = 2;

/// Measures classes of these sizes.
pub async fn turns(setup: &Setup, report: &mut Report, sizes: &[usize]) -> anyhow::Result<()> {
    let others = [FastApi::Rendering, FastApi::Plain];
    let mut servers = vec![("LLM Classroom", setup.classroom().start().await?)];
    for other in others {
        servers.push((other.name(), other.start(&setup.provider.base_url()).await?));
    }
    for (_, server) in &servers {
        run(setup, server, 10).await?;
    }
    for &students in sizes {
        let mut outcomes: Vec<Vec<Outcome>> = servers.iter().map(|_| Vec::new()).collect();
        for _ in 0..setup.rounds {
            for ((_, server), outcomes) in servers.iter().zip(&mut outcomes) {
                outcomes.push(run(setup, server, students).await?);
            }
        }
        add_cpu(report, students, others, &outcomes);
        add_first_text(setup, report, students, others, &outcomes);
    }
    for (_, server) in servers {
        server.process.stop().await?;
    }
    Ok(())
}

async fn run(setup: &Setup, server: &Server, students: usize) -> anyhow::Result<Outcome> {
    let class = Class { students, turns: TURNS, has_pages: false };
    class.run(server.address, &server.process, &setup.provider.process).await
}

fn add_cpu(report: &mut Report, students: usize, others: [FastApi; 2], outcomes: &[Vec<Outcome>]) {
    let cpus: Vec<Vec<f64>> =
        outcomes.iter().map(|rounds| rounds.iter().map(Outcome::cpu_us_a_turn).collect()).collect();
    for (other, target) in [(0, 30.0), (1, 20.0)] {
        let ratios: Samples = cpus[0].iter().zip(&cpus[other + 1]).map(|(ours, theirs)| theirs / ours).collect();
        let spread = ratios.spread();
        let median = |rounds: &[f64]| rounds.iter().copied().collect::<Samples>().median();
        report.add(
            Row::new(format!("processor time of a turn, {students} at once"), cpu(median(&cpus[0])))
                .other(format!("{}: {}", others[other].name(), cpu(median(&cpus[other + 1]))))
                .ratio(format!("{} × less ({}–{})", digits(spread.median), digits(spread.min), digits(spread.max)))
                .target(format!("≥ {target} ×"), spread.median >= target)
                .note(outcomes[0][0].note())
                .values(json!({ "ours_us": cpus[0], "other_us": cpus[other + 1], "ratio": spread })),
        );
    }
}

fn add_first_text(
    setup: &Setup,
    report: &mut Report,
    students: usize,
    others: [FastApi; 2],
    outcomes: &[Vec<Outcome>],
) {
    let first = setup.provider.pace.first();
    let added: Vec<Samples> = outcomes
        .iter()
        .map(|rounds| {
            let turns = rounds.iter().flat_map(|outcome| &outcome.turns);
            Samples::millis(turns.map(|turn| turn.first_text.saturating_sub(first)))
        })
        .collect();
    let spread = |samples: &Samples| format!("{} / {}", ms(samples.median()), ms(samples.p99()));
    let theirs: Vec<String> = others
        .iter()
        .zip(&added[1..])
        .map(|(other, samples)| format!("{}: {}", other.name(), spread(samples)))
        .collect();
    let mut row = Row::new(format!("first text after the model's, {students} at once, p50 / p99"), spread(&added[0]))
        .other(theirs.join("; "))
        .values(json!({ "ours_ms": [added[0].median(), added[0].p99()], "turns": added[0].len() }));
    if students == 150 {
        row = row.target("≤ 40 ms / ≤ 100 ms", added[0].median() <= 40.0 && added[0].p99() <= 100.0);
    }
    report.add(row);
}
