//! What one student alone waits longer for the first text than the model takes.

use serde_json::json;

use super::Setup;
use crate::{
    class::Class,
    http::Connection,
    provider::{Pace, Provider},
    report::{Report, Row, digits},
    stateless::Call,
    stats::Samples,
};

/// Measured calls and turns. Some more come before, until connections are open and caches are warm.
const COUNT: usize = 300;
const WARM_UP: usize = 30;

/// A model that begins at once and then writes slowly enough that the beginning is alone on the machine.
const PACE: Pace =
    Pace { first_ms: 0, chat_pieces: 6, tutor_pieces: 6, chat_gap_us: 3_000, tutor_gap_us: 3_000, ..Pace::DEFAULT };

/// Measures one client, one call or turn after the other.
pub async fn alone(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let provider = Provider::start(PACE)?;
    let ours = setup.classroom_with(&provider).start().await?;
    let direct = calls(Call::Direct, provider.address).await?;
    let stream = calls(Call::ChatStream, ours.address).await?;
    let class = Class { students: 1, turns: COUNT + WARM_UP, has_pages: false };
    let outcome = class.run(ours.address, &ours.process, &provider.process).await?;
    let turn = Samples::millis(outcome.turns.iter().skip(WARM_UP).map(|turn| turn.first_text));
    let accepted = Samples::millis(outcome.turns.iter().skip(WARM_UP).map(|turn| turn.accepted));
    ours.process.stop().await?;

    let micros = |millis: f64| format!("{} µs", digits(millis * 1000.0));
    let pair = |samples: &Samples| format!("{} / {}", micros(samples.median()), micros(samples.p99()));
    for (name, samples, limit) in
        [("`/api/v1/chat/chat/stream`", &stream, 0.25), ("the whole path of a turn", &turn, 1.0)]
    {
        let added = samples.p99() - direct.p99();
        report.add(
            Row::new(format!("first text through {name}, one client, p50 / p99"), pair(samples))
                .other(format!("model server itself: {}", pair(&direct)))
                .ratio(format!("{} and {} added", micros(samples.median() - direct.median()), micros(added)))
                .target(format!("p99 ≤ {} added", micros(limit)), added <= limit)
                .values(json!({ "p50_ms": samples.median(), "p99_ms": samples.p99(),
                    "direct_p50_ms": direct.median(), "direct_p99_ms": direct.p99() })),
        );
    }
    report.add(Row::new("a question accepted (stored durably), one student, p50 / p99", pair(&accepted)));
    Ok(())
}

async fn calls(call: Call, address: std::net::SocketAddr) -> anyhow::Result<Samples> {
    let mut connection = Connection::open(address, 0).await?;
    let mut times = Vec::with_capacity(COUNT);
    for number in 0..COUNT + WARM_UP {
        let call = call.make(&mut connection).await?;
        if number >= WARM_UP {
            times.push(call.first_text);
        }
    }
    Ok(Samples::millis(times))
}
