//! How turns a second, memory and delays grow with students, with the length of a conversation, and with what is stored.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context, ensure};
use serde_json::json;
use std::process::Command;

use crate::{
    class::{Class, Outcome},
    machine,
    plot::{Panel, svg},
    provider::{Pace, Provider},
    report::{Report, Row, digits, mb, ms},
    scenarios::{Setup, memory::Peak},
    servers::{Server, database, root},
    stats::{Samples, exponent},
    student::Student,
};

/// What to measure, and where to write it.
#[derive(clap::Args)]
pub struct Arguments {
    /// The program's release build
    #[arg(long, default_value = "target/release/llm-classroom")]
    binary: PathBuf,
    /// The folder for growth.md, growth.json and the plots
    #[arg(long, default_value = "target/bench")]
    output: PathBuf,
    /// Measure these subjects only
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Subject>,
    /// The most turns that are stored
    #[arg(long, default_value_t = 1_000_000)]
    stored: u64,
}

/// By what something grows.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Subject {
    /// Students at once
    Students,
    /// The length of a conversation
    Length,
    /// Stored turns
    Stored,
}

/// Measures, prints the table and writes the files.
pub async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup { binary: arguments.binary.clone(), provider: Provider::start(Pace::NO_PAUSES)?, rounds: 1 };
    let mut report = Report::default();
    machine::describe(&mut report, &setup.binary);
    fs::create_dir_all(&arguments.output)?;
    let folder = &arguments.output;
    let mut failed = Vec::new();
    let all = [Subject::Students, Subject::Length, Subject::Stored];
    for &subject in if arguments.only.is_empty() { &all[..] } else { &arguments.only } {
        let measured = match subject {
            Subject::Students => students(&setup, &mut report, folder).await,
            Subject::Length => length(&setup, &mut report, folder).await,
            Subject::Stored => stored(&setup, &mut report, folder, arguments.stored).await,
        };
        // The others are still worth knowing.
        if let Err(error) = measured {
            report
                .add(Row::new(format!("{subject:?}"), "failed").target("no failure", false).note(format!("{error:#}")));
            failed.push(format!("{subject:?}"));
        }
    }
    fs::write(arguments.output.join("growth.md"), report.markdown())?;
    fs::write(arguments.output.join("growth.json"), serde_json::to_string_pretty(&report.json())?)?;
    println!("{}", report.markdown());
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// A quantity with its values, and how fast it may grow.
struct Series {
    name: &'static str,
    points: Vec<(f64, f64)>,
    /// The largest exponent that is wanted.
    limit: f64,
}

impl Series {
    fn new(name: &'static str, limit: f64) -> Self {
        Self { name, points: Vec::new(), limit }
    }

    fn exponent(&self) -> f64 {
        exponent(&self.points)
    }
}

/// Adds the exponents and writes the plots.
fn show(report: &mut Report, folder: &Path, file: &str, x: &str, series: Vec<Series>) -> anyhow::Result<()> {
    let mut panels = Vec::new();
    for one in series {
        let (found, ends) =
            (one.exponent(), [one.points.first(), one.points.last()].map(|end| end.copied().unwrap_or_default()));
        report.add(
            Row::new(
                format!("{} by {x}, exponent", one.name),
                format!(
                    "{found:.2} ({} at {} to {} at {})",
                    digits(ends[0].1),
                    ends[0].0,
                    digits(ends[1].1),
                    ends[1].0
                ),
            )
            .target(format!("≤ {}", one.limit), found <= one.limit)
            .values(json!({ "points": one.points })),
        );
        panels.push(Panel { title: format!("{} (exponent {found:.2})", one.name), x, points: one.points });
    }
    fs::write(folder.join(file), svg(&panels))?;
    Ok(())
}

/// Up to the most students whose connections fit.
async fn students(setup: &Setup, report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    // Slow enough that the processors carry large classes.
    let provider = Provider::start(Pace::DEFAULT.slower(8))?;
    let mut rate = Series::new("turns a second", 1.05);
    let mut p99 = Series::new("p99 of a whole turn in ms", 0.05);
    let mut memory = Series::new("memory beyond idle in MB", 1.05);
    for students in [1, 10, 100, 300, 1_000, 3_000, 5_000, 10_000] {
        if let Some(why) = crate::scenarios::scale::too_many(students) {
            report.add(Row::impossible(format!("{students} students"), why));
            continue;
        }
        let server = setup.classroom_with(&provider).start().await?;
        warm_up(&server, &provider).await?;
        let idle = server.process.usage().resident as f64;
        let class = Class { students, turns: 1, has_pages: false };
        let (outcome, peak) =
            Peak::during(&server, class.run(server.address, &server.process, &provider.process)).await?;
        let count = students as f64;
        rate.points.push((count, outcome.turns_a_second()));
        p99.points.push((count, outcome.millis(|turn| turn.whole).p99()));
        // One turn is less than the noise of a measurement.
        if students >= 100 {
            memory.points.push((count, (peak as f64 - idle) / 1e6));
        }
        report.add(
            Row::new(
                format!("{students} students at once, model 8 × slower: turns/s, p99, peak memory"),
                format!(
                    "{}, {}, {}",
                    digits(outcome.turns_a_second()),
                    ms(outcome.millis(|turn| turn.whole).p99()),
                    mb(peak as f64)
                ),
            )
            .note(outcome.note()),
        );
        server.process.stop().await?;
    }
    show(report, folder, "growth-students.svg", "students at once", vec![rate, p99, memory])
}

async fn warm_up(server: &Server, provider: &Provider) -> anyhow::Result<Outcome> {
    let class = Class { students: 3, turns: 1, has_pages: true };
    class.run(server.address, &server.process, &provider.process).await
}

/// Turns measured at each length or size.
const MEASURED: usize = 30;

async fn length(setup: &Setup, report: &mut Report, folder: &Path) -> anyhow::Result<()> {
    let server = setup.classroom().start().await?;
    warm_up(&server, &setup.provider).await?;
    let mut student = Student::begin(server.address, 0, false).await?;
    let mut cpu = Series::new("processor time of a turn in ms", 0.1);
    let mut time = Series::new("a turn without the model's pauses in ms", 0.1);
    let mut page = Series::new("page of the conversation in ms", 0.1);
    let mut asked = 0;
    for length in [1, 10, 30, 100, 300, 1_000] {
        while asked < length {
            student.ask().await?;
            asked += 1;
        }
        let before = server.process.usage();
        let mut times = Vec::new();
        for _ in 0..MEASURED {
            times.push(student.ask().await?.whole);
        }
        let used = server.process.usage().since(before);
        asked += MEASURED;
        let middle = (length + MEASURED / 2) as f64;
        cpu.points.push((middle, used.cpu.as_secs_f64() * 1000.0 / MEASURED as f64));
        time.points.push((middle, Samples::millis(times).median()));
        // Shorter ones don't fill a page.
        if length >= 100 {
            page.points.push((middle, page_view(&mut student).await?));
        }
    }
    server.process.stop().await?;
    show(report, folder, "growth-length.svg", "turns of the conversation", vec![cpu, time, page])
}

/// Milliseconds to the newest page of the student's conversation.
async fn page_view(student: &mut Student) -> anyhow::Result<f64> {
    let path = format!("/chat.html?c={}", student.conversation());
    let mut times = Vec::new();
    for _ in 0..MEASURED {
        let began = Instant::now();
        student.get(&path).await?;
        times.push(began.elapsed());
    }
    Ok(Samples::millis(times).median())
}

/// Bytes of the ids in which copies differ.
const PLACES: [usize; 3] = [0, 1, 2];

async fn stored(setup: &Setup, report: &mut Report, folder: &Path, most: u64) -> anyhow::Result<()> {
    let data = tempfile::Builder::new().prefix("bench-").tempdir()?;
    let mut cpu = Series::new("processor time of a turn in ms", 0.05);
    let mut accepted = Series::new("a question accepted, median in ms", 0.05);
    let mut page = Series::new("page of a conversation in ms", 0.05);
    // As planned, and as counted: the measurements add some.
    let mut turns = 1_000_u64;
    let mut count = 1_000.0;
    let mut server = setup.classroom().start_in(data).await?;
    // A hundred students with ten turns each.
    Class { students: 100, turns: 10, has_pages: false }
        .run(server.address, &server.process, &setup.provider.process)
        .await?;
    for place in PLACES.map(Some).into_iter().chain([None]) {
        let class = Class { students: 10, turns: MEASURED, has_pages: false };
        let outcome = class.run(server.address, &server.process, &setup.provider.process).await?;
        let mut student = Student::begin(server.address, 0, false).await?;
        for _ in 0..50 {
            student.ask().await?;
        }
        cpu.points.push((count, outcome.cpu_us_a_turn() / 1000.0));
        accepted.points.push((count, outcome.millis(|turn| turn.accepted).median()));
        page.points.push((count, page_view(&mut student).await?));
        let Some(place) = place.filter(|_| turns * 10 <= most) else { break };
        let data = server.stop().await?;
        let began = Instant::now();
        let stored = multiply(&database(data.path()), place).await?;
        eprintln!("{stored} turns are stored after {} s", began.elapsed().as_secs());
        turns *= 10;
        count = stored as f64;
        server = setup.classroom().start_in(data).await?;
    }
    let bytes = fs::metadata(database(server.folder()))?.len();
    server.stop().await?;
    report.add(Row::new(format!("database with {count} turns (copies with short answers)"), mb(bytes as f64)));
    show(report, folder, "growth-stored.svg", "stored turns", vec![cpu, accepted, page])
}

async fn multiply(database: &Path, place: usize) -> anyhow::Result<u64> {
    let output = Command::new("python3")
        .arg(root().join("bench/multiply.py"))
        .arg(database)
        .arg(place.to_string())
        .output()
        .context("python3")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}
