//! The machine of 1 GiB: the program with 400 MB of memory, a thousand students and ten thousand idle streams.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    class::Class,
    http::Connection,
    machine,
    provider::{Pace, Provider},
    report::{Report, Row, mb, ms},
    scenarios::{
        Setup,
        memory::{self, Peak},
    },
    stats::Samples,
    student::PAGE,
};
use anyhow::ensure;

/// What the program may use.
const LIMIT: u64 = 400_000_000;
const STUDENTS: usize = 1_000;
const STREAMS: usize = 10_000;
/// Between two page views of a reader.
const PAUSE: Duration = Duration::from_millis(20);

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// The program's release build
    #[arg(long, default_value = "target/release/llm-classroom")]
    binary: PathBuf,
    /// The folder for limited.md and limited.json
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
}

/// How the memory is limited.
enum Limit {
    /// By a control group of its own, which ends with this value.
    Group(PathBuf),
    /// By the size of private memory that a process may map.
    Data,
}

impl Limit {
    fn new() -> Self {
        let name = format!("bench-{}", std::process::id());
        let groups = [
            (Path::new("/sys/fs/cgroup").join(&name), "memory.max"),
            (Path::new("/sys/fs/cgroup/memory").join(&name), "memory.limit_in_bytes"),
        ];
        for (group, file) in groups {
            if group.parent().is_some_and(|parent| parent.join("cgroup.procs").exists())
                && fs::create_dir(&group).is_ok()
            {
                let limit = Self::Group(group.clone());
                if fs::write(group.join(file), LIMIT.to_string()).is_ok() {
                    return limit;
                }
            }
        }
        Self::Data
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Group(_) => "a control group",
            Self::Data => "prlimit --data",
        }
    }

    /// The same command within the limit.
    fn apply(&self, command: &Command) -> Command {
        let mut limited = match self {
            Self::Group(group) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\""]).arg(group);
                shell
            }
            Self::Data => {
                let mut prlimit = Command::new("prlimit");
                prlimit.arg(format!("--data={LIMIT}")).arg("--");
                prlimit
            }
        };
        limited.arg(command.get_program()).args(command.get_args()).stdout(std::process::Stdio::null()).env_clear();
        limited.env("PATH", "/usr/bin:/bin");
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                limited.env(name, value);
            }
        }
        limited
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        if let Self::Group(group) = self {
            // Fails while a process is in it, which the caller has stopped.
            let _ = fs::remove_dir(group);
        }
    }
}

/// Measures and prints the table.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup {
        binary: arguments.binary.clone(),
        // Slow enough that two processors carry a thousand students together with driver and model server.
        provider: Provider::start(Pace::DEFAULT.slower(8))?,
        rounds: 1,
    };
    let mut report = Report::default();
    machine::describe(&mut report, &setup.binary);
    let limit = Limit::new();
    report.describe("limit", format!("{} by {}", mb(LIMIT as f64), limit.name()));
    if let Some(why) = crate::scenarios::scale::too_many(STREAMS / 3 + STUDENTS) {
        report.add(Row::impossible(format!("{STUDENTS} students beside {STREAMS} idle streams"), why));
    } else {
        measure(&setup, &mut report, &limit).await?;
    }
    fs::create_dir_all(&arguments.output)?;
    fs::write(arguments.output.join("limited.md"), report.markdown())?;
    fs::write(arguments.output.join("limited.json"), serde_json::to_string_pretty(&report.json())?)?;
    println!("{}", report.markdown());
    Ok(())
}

async fn measure(setup: &Setup, report: &mut Report, limit: &Limit) -> anyhow::Result<()> {
    let mut server = setup.classroom().start_with(|command| limit.apply(&command)).await?;
    let streams = memory::open(&server, STREAMS).await?;
    let with_streams = server.process.usage();
    let class = Class { students: STUDENTS, turns: 2, has_pages: true };
    // Aborted when this is dropped.
    let mut reading = tokio::task::JoinSet::new();
    let (times, mut read) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..4 {
        let (address, times) = (server.address, times.clone());
        reading.spawn(async move {
            let mut connection = Connection::open(address, number).await?;
            loop {
                let began = Instant::now();
                connection.call("GET", PAGE, None, 200).await?;
                if times.send(began.elapsed()).is_err() {
                    return anyhow::Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
    drop(times);
    let running = class.run(server.address, &server.process, &setup.provider.process);
    let fared = Peak::during(&server, running).await;
    reading.abort_all();
    let (outcome, peak) = match fared {
        Ok(fared) => fared,
        Err(error) => {
            // The kernel takes a moment to end it.
            tokio::time::sleep(Duration::from_millis(500)).await;
            let how = if server.process.is_running() { "a turn failed" } else { "the program was ended by the limit" };
            let figure = format!("{STUDENTS} students beside {STREAMS} idle streams");
            let row = Row::new(figure, format!("failed: {how}")).target("no failure", false);
            report.add(row.note(format!("{} with the streams alone; {error:#}", mb(with_streams.resident as f64))));
            return Ok(());
        }
    };
    let mut pages = Vec::new();
    while let Ok(time) = read.try_recv() {
        pages.push(time);
    }
    ensure!(server.process.is_running(), "the program ended");
    let pages = Samples::millis(pages);
    let whole = outcome.millis(|turn| turn.whole);
    report.add(
        Row::new(
            format!(
                "{} turns of {STUDENTS} students beside {} idle streams: failed",
                outcome.turns.len(),
                streams.len()
            ),
            "0",
        )
        .target("0", true)
        .note(outcome.note()),
    );
    report.add(
        Row::new("page of the chat meanwhile, p50 / p99", format!("{} / {}", ms(pages.median()), ms(pages.p99())))
            .target("p99 < 100 ms", pages.p99() < 100.0)
            .note(format!("{} views", pages.len())),
    );
    report.add(Row::new(
        "whole turn, p50 / p99 (model: 12.2 s)",
        format!("{} / {}", ms(whole.median()), ms(whole.p99())),
    ));
    report.add(
        Row::new(
            "resident memory: idle streams, peak",
            format!("{}, {}", mb(with_streams.resident as f64), mb(peak as f64)),
        )
        .target("≤ 400 MB", peak <= LIMIT),
    );
    let swap = fs::read_to_string(format!("/proc/{}/status", server.process.pid()))
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("VmSwap:").map(|swap| swap.trim().to_owned()))
        .unwrap_or_default();
    report.add(Row::new("swapped", swap.clone()).target("0", swap.starts_with("0 ")));
    drop(streams);
    server.process.stop().await?;
    Ok(())
}
