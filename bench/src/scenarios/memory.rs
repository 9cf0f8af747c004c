//! Memory, idle and under load.

use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::{task::JoinSet, time::sleep};

use super::Setup;
use crate::{
    class::Class,
    http::Connection,
    provider::{Pace, Provider},
    report::{Report, Row, digits, kib, mb},
    servers::{FastApi, Server},
    student::Student,
    texts::SILENT_QUESTION,
};

/// Students of the burst.
const BURST: usize = 1000;

/// How long after a burst memory is read again.
const LATER: Duration = Duration::from_secs(5);

/// Resident memory of a server, in bytes.
struct Memory {
    idle: f64,
    /// The most while the burst ran.
    peak: f64,
    later: f64,
    note: String,
}

/// Memory idle, while a thousand turns run, and five seconds after.
pub async fn burst(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    // Slow enough that all turns run together.
    let provider = Provider::start(Pace::DEFAULT.slower(3))?;
    let ours = measure(setup.classroom_with(&provider).start().await?, &provider).await?;
    let theirs = measure(FastApi::Plain.start(&provider.base_url()).await?, &provider).await?;
    let name = FastApi::Plain.name();
    let values = json!({ "idle": ours.idle, "peak": ours.peak, "later": ours.later });
    report.add(
        Row::new("resident memory, idle", mb(ours.idle))
            .other(format!("{name}, two workers: {}", mb(theirs.idle)))
            .ratio(format!("{} × less", digits(theirs.idle / ours.idle)))
            .target("≤ 20 MB", ours.idle <= 20e6)
            .values(values),
    );
    let each = |memory: &Memory| (memory.peak - memory.idle) / BURST as f64;
    report.add(
        Row::new("resident memory of a running turn (of 1,000), its connections included", kib(each(&ours)))
            .other(format!("{name}: {}", kib(each(&theirs))))
            .ratio(format!("{} × less", digits(each(&theirs) / each(&ours))))
            .target("≤ 40 KiB", each(&ours) <= 40.0 * 1024.0)
            .note(format!("peak {}; {}", mb(ours.peak), ours.note)),
    );
    let after = |memory: &Memory| memory.later / memory.idle;
    report.add(
        Row::new("resident memory 5 s after 1,000 turns ÷ idle", digits(after(&ours)))
            .other(format!("{name}: {}", digits(after(&theirs))))
            .target("≤ 1.5", after(&ours) <= 1.5)
            .note(format!("{} after", mb(ours.later))),
    );
    Ok(())
}

async fn measure(server: Server, provider: &Provider) -> anyhow::Result<Memory> {
    sleep(Duration::from_secs(1)).await;
    let idle = server.process.usage().resident as f64;
    let class = Class { students: BURST, turns: 1, has_pages: false };
    let running = class.run(server.address, &server.process, &provider.process);
    let (outcome, peak) = Peak::during(&server, running).await?;
    sleep(LATER).await;
    let later = server.process.usage().resident as f64;
    server.process.stop().await?;
    Ok(Memory { idle, peak: peak as f64, later, note: outcome.note() })
}

/// Reads how much memory a server uses at most while something runs.
pub struct Peak;

impl Peak {
    /// The result of what runs, and the most resident memory while it ran.
    pub async fn during<T>(
        server: &Server,
        running: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<(T, u64)> {
        let mut running = std::pin::pin!(running);
        let mut peak = 0;
        loop {
            tokio::select! {
                result = &mut running => return Ok((result?, peak)),
                () = sleep(Duration::from_millis(50)) => peak = peak.max(server.process.usage().resident),
            }
        }
    }
}

/// Streams that are opened at once.
const OPENING: usize = 64;

/// Memory of event streams on which nothing happens.
pub async fn idle_streams(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    for count in [1_000, 10_000] {
        let server = setup.classroom().start().await?;
        sleep(Duration::from_secs(1)).await;
        let before = server.process.usage().resident as f64;
        let streams = open(&server, count).await?;
        sleep(Duration::from_secs(1)).await;
        let after = server.process.usage().resident as f64;
        let each = (after - before) / count as f64;
        let mut row = Row::new(format!("resident memory of an open idle stream, {count} held"), kib(each))
            .target("≤ 8 KiB", each <= 8.0 * 1024.0)
            .note(format!("{} in all", mb(after)))
            .values(json!({ "streams": streams.len(), "before": before, "after": after }));
        if count == 10_000 {
            let limit = 200.0 * 1024.0 * 1024.0;
            row = row.target("≤ 8 KiB, ≤ 200 MiB in all", each <= 8.0 * 1024.0 && after <= limit);
        }
        report.add(row);
        drop(streams);
        server.process.stop().await?;
    }
    Ok(())
}

/// Opens streams of a turn whose model is silent.
pub async fn open(server: &Server, count: usize) -> anyhow::Result<Vec<Connection>> {
    let mut student = Student::begin(server.address, 0, false).await?;
    let turn = student.send(SILENT_QUESTION).await?;
    let shared = std::sync::Arc::new((student, turn));
    let mut opening = JoinSet::new();
    let mut streams = Vec::with_capacity(count);
    for number in 1..=count {
        let shared = shared.clone();
        opening.spawn(async move { shared.0.open_stream(number, &shared.1).await });
        if opening.len() >= OPENING {
            streams.push(opening.join_next().await.context("one is being opened")???);
        }
    }
    while let Some(stream) = opening.join_next().await {
        streams.push(stream??);
    }
    Ok(streams)
}
