//! The repository's own measurements of single parts, which this runs and quotes.

use anyhow::{Context, ensure};
use std::process::Command;

use super::Setup;
use crate::report::{Report, Row};

/// Commits a second, grouped and one each.
pub fn commits(report: &mut Report) -> anyhow::Result<()> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = text(command.args(["commits", "64", "1"]))?;
    for name in ["message taken in", "turn ended"] {
        let rounds: Vec<Vec<&str>> = output
            .lines()
            .filter(|line| line.contains(name) && line.ends_with(|end: char| end.is_ascii_digit()))
            .map(|line| line.split_whitespace().collect())
            .collect();
        // The columns behind the name: grouped, one each, their ratio, the median group.
        let round = rounds.last().filter(|round| round.len() > 4).with_context(|| format!("commits prints {name}"))?;
        let columns = &round[round.len() - 4..];
        report.add(
            Row::new(format!("commits a second of 64 writers, {name}"), columns[0])
                .other(format!("without grouping: {}", columns[1]))
                .ratio(columns[2].to_owned()),
        );
    }
    Ok(())
}

/// Rendering and the coach.
pub fn speeds(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let output = run(setup, "render_speed")?;
    let lines = output.lines().filter(|line| {
        ["answer of", "code block, warm", "many blocks", "one list"].iter().any(|begin| line.starts_with(begin))
    });
    for line in lines {
        let (name, time) = line.split_once(':').context("a name, then times")?;
        report.add(Row::new(format!("rendering, {}", name.trim()), time.trim()));
    }
    let worst =
        output.lines().filter_map(|line| Some((line, slowest(line)?))).max_by(|one, two| one.1.total_cmp(&two.1));
    if let Some((line, seconds)) = worst {
        let name = line.split("  ").next().unwrap_or_default().trim();
        report.add(
            Row::new("rendering, worst hostile text of 64 KiB in pieces of 40 bytes", format!("{seconds:.2} s"))
                .note(format!("`{name}` again and again")),
        );
    }
    for line in run(setup, "coach_speed")?.lines() {
        if let Some((name, time)) = line.split_once("characters") {
            report.add(Row::new(format!("coach, {} characters", name.trim()), time.trim()));
        }
    }
    Ok(())
}

/// The last time of a line about a hostile text, in seconds.
fn slowest(line: &str) -> Option<f64> {
    let time = line.starts_with('"').then(|| line.rsplit('[').next())??.split(']').next()?.rsplit(',').next()?.trim();
    let (number, unit) = time.split_at(time.find(|part: char| part.is_alphabetic() || part == 'µ')?);
    let scale = match unit {
        "s" => 1.0,
        "ms" => 1e-3,
        _ => 1e-6,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

fn run(setup: &Setup, example: &str) -> anyhow::Result<String> {
    let path = setup.binary.with_file_name("examples").join(example);
    ensure!(path.exists(), "make bench builds {}", path.display());
    text(&mut Command::new(path))
}

/// What a command prints, while nothing else is measured.
fn text(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}
