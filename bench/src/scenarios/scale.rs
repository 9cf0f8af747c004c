//! Many students at once.

use serde_json::json;

use super::Setup;
use crate::{
    class::{Class, Outcome},
    provider::{Pace, Provider},
    report::{Report, Row, digits, ms},
    servers::{FastApi, Server},
    stateless::Call,
    stats::Samples,
};

/// The slower model of the large classes: with the usual one, two processors can't even carry driver and model server.
const SLOWER: u64 = 8;

/// The 99th percentile of a whole turn, of classes of growing size.
pub async fn class_sizes(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    sizes(setup, report, &setup.provider, "", &[1, 30, 300, 1000]).await?;
    let slow = Provider::start(Pace::DEFAULT.slower(SLOWER))?;
    sizes(setup, report, &slow, ", model 8 × slower", &[1, 1000, 5000]).await
}

async fn sizes(
    setup: &Setup,
    report: &mut Report,
    provider: &Provider,
    name: &str,
    sizes: &[usize],
) -> anyhow::Result<()> {
    let server = setup.classroom_with(provider).start().await?;
    let run = async |students, turns| {
        let class = Class { students, turns, has_pages: false };
        class.run(server.address, &server.process, &provider.process).await
    };
    run(10, 1).await?;
    let mut alone = None;
    for &students in sizes {
        if let Some(why) = too_many(students) {
            report.add(Row::impossible(format!("a whole turn, {students} at once{name}"), why));
            continue;
        }
        let outcome = match run(students, if students == 1 { 5 } else { 1 }).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let row = Row::new(format!("a whole turn, {students} at once{name}"), "failed");
                report.add(row.target("no failure", false).note(format!("{error:#}")));
                break;
            }
        };
        let whole = outcome.millis(|turn| turn.whole);
        let base = *alone.get_or_insert(whole.p99());
        let ratio = whole.p99() / base;
        let mut row = Row::new(
            format!("a whole turn, {students} at once{name}, p50 / p99"),
            format!("{} / {}", ms(whole.median()), ms(whole.p99())),
        )
        .ratio(format!("{} × one student's", digits(ratio)))
        .note(outcome.note())
        .values(json!({ "students": students, "p50_ms": whole.median(), "p99_ms": whole.p99(), "ratio": ratio }));
        if [300, 1000].contains(&students) {
            row = row.target("≤ 1.10 ×", ratio <= 1.10);
        }
        report.add(row);
    }
    server.process.stop().await?;
    Ok(())
}

/// Why this many students are too many, if so: each needs three connections of the server.
pub fn too_many(students: usize) -> Option<String> {
    let limit = crate::net::open_files();
    (students as u64 * 3 + 500 > limit).then(|| format!("the system lets a process open {limit} files"))
}

/// How long a turn takes compared with the slower of its two calls.
pub async fn against_slower_call(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    for (name, head_ms) in
        [("a model server that answers at once", 0), ("one whose head comes with its first piece", 300)]
    {
        let provider = Provider::start(Pace { head_ms, ..Pace::DEFAULT })?;
        let server = setup.classroom_with(&provider).start().await?;
        let mut connection = crate::http::Connection::open(provider.address, 0).await?;
        let mut slower = Vec::new();
        for _ in 0..5 {
            let chat = Call::Direct.make(&mut connection).await?.whole;
            slower.push(chat.max(Call::DirectTutor.make(&mut connection).await?.whole));
        }
        let class = Class { students: 1, turns: 6, has_pages: false };
        let outcome = class.run(server.address, &server.process, &provider.process).await?;
        // The first turn opens the connections.
        let turn = Samples::millis(outcome.turns.iter().skip(1).map(|turn| turn.whole)).median();
        let slower = Samples::millis(slower).median();
        let ratio = turn / slower;
        report.add(
            Row::new(format!("a turn beside the slower of its calls, {name}"), ms(turn))
                .other(format!("model server itself: {}", ms(slower)))
                .ratio(format!("{ratio:.3}"))
                .target("≤ 1.005", ratio <= 1.005)
                .values(json!({ "turn_ms": turn, "call_ms": slower })),
        );
        server.process.stop().await?;
    }
    Ok(())
}

/// How many turns a second end while the 99th percentile is at most twice that of one student.
pub async fn capacity(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let url = setup.provider.base_url();
    let ours = best(setup, setup.classroom().start().await?, &[100, 200, 300, 400, 600, 800, 1200]).await?;
    let same = best(setup, FastApi::Rendering.start(&url).await?, &[5, 10, 15, 20, 30, 40, 60]).await?;
    let plain = best(setup, FastApi::Plain.start(&url).await?, &[10, 20, 30, 40, 60, 80, 120]).await?;
    let text = |best: &Option<(usize, Outcome)>| match best {
        Some((students, outcome)) => format!("{} with {students} students", digits(outcome.turns_a_second())),
        None => "none".to_owned(),
    };
    let rate = |best: &Option<(usize, Outcome)>| best.as_ref().map_or(0.0, |(_, outcome)| outcome.turns_a_second());
    report.add(
        Row::new("turns a second while p99 ≤ 2 × one student's", text(&ours))
            .other(format!(
                "{}: {}; {}: {}",
                FastApi::Rendering.name(),
                text(&same),
                FastApi::Plain.name(),
                text(&plain)
            ))
            .ratio(format!("{} × and {} × more", digits(rate(&ours) / rate(&same)), digits(rate(&ours) / rate(&plain))))
            .note(ours.as_ref().map(|(_, outcome)| outcome.note()).unwrap_or_default())
            .values(json!({ "ours": rate(&ours), "rendering": rate(&same), "plain": rate(&plain) })),
    );
    Ok(())
}

/// The largest class that fares well enough.
async fn best(setup: &Setup, server: Server, sizes: &[usize]) -> anyhow::Result<Option<(usize, Outcome)>> {
    let run = async |students| {
        let class = Class { students, turns: 2, has_pages: false };
        class.run(server.address, &server.process, &setup.provider.process).await
    };
    run(5).await?;
    let limit = run(1).await?.millis(|turn| turn.whole).p99() * 2.0;
    let mut best = None;
    for &students in sizes {
        let outcome = run(students).await?;
        if outcome.millis(|turn| turn.whole).p99() > limit {
            break;
        }
        best = Some((students, outcome));
    }
    server.process.stop().await?;
    Ok(best)
}
