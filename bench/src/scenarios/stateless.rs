//! Calls that carry their own conversation, beside FastAPI and beside the model server itself.

use serde_json::json;

use super::Setup;
use crate::{
    load::{Calls, Load},
    meter::Busy,
    provider::{Pace, Provider},
    report::{Report, Row, cpu, digits, ms},
    servers::{FastApi, Server},
    stateless::Call,
    stats::Samples,
};

/// Processor time of each call, 30 at once.
pub async fn processor_time(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let ours = setup.classroom().start().await?;
    let url = setup.provider.base_url();
    let other = FastApi::Plain.start(&url).await?;
    for call in [Call::Chat, Call::ChatStream] {
        let (mut cpus, mut ratios, mut note) = ([Vec::new(), Vec::new()], Vec::new(), String::new());
        for round in 0..=setup.rounds {
            let mut pair = [0.0; 2];
            for (server, pair) in [&ours, &other].into_iter().zip(&mut pair) {
                let calls = run(setup, server, call, 30).await?;
                *pair = Busy::micros(calls.busy.server, calls.times.len());
                if std::ptr::eq(server, &raw const ours) {
                    note = calls.busy.note();
                }
            }
            // The first round warms up.
            if round > 0 {
                ratios.push(pair[1] / pair[0]);
                cpus.iter_mut().zip(pair).for_each(|(cpus, own)| cpus.push(own));
            }
        }
        let spread = ratios.iter().copied().collect::<Samples>().spread();
        let median = |cpus: &[f64]| cpus.iter().copied().collect::<Samples>().median();
        report.add(
            Row::new(format!("processor time of `{}`, 30 at once", call.path()), cpu(median(&cpus[0])))
                .other(format!("FastAPI: {}", cpu(median(&cpus[1]))))
                .ratio(format!("{} × less ({}–{})", digits(spread.median), digits(spread.min), digits(spread.max)))
                .note(note)
                .values(json!({ "ours_us": cpus[0], "other_us": cpus[1], "ratio": spread })),
        );
    }
    other.process.stop().await?;

    let prototype = FastApi::Prototype.start(&url).await?;
    for clients in [16, 150] {
        let theirs = run(setup, &prototype, Call::Chat, clients).await?;
        let own = run(setup, &ours, Call::Chat, clients).await?;
        let whole = |calls: &Calls| Samples::millis(calls.times.iter().map(|times| times.whole));
        let time = |calls: &Calls| format!("{} / {}", ms(whole(calls).median()), ms(whole(calls).p99()));
        report.add(
            Row::new(format!("time of `/api/v1/chat/chat`, {clients} at once, p50 / p99"), time(&own))
                .other(format!("{}: {}", FastApi::Prototype.name(), time(&theirs)))
                .ratio(format!("{} × at p50", digits(whole(&theirs).median() / whole(&own).median()))),
        );
    }
    prototype.process.stop().await?;
    ours.process.stop().await?;
    Ok(())
}

async fn run(setup: &Setup, server: &Server, call: Call, clients: usize) -> anyhow::Result<Calls> {
    Load { call, clients, calls: 2 }.run(server.address, &server.process, &setup.provider.process).await
}

/// How many streams a second pass through this program, of those that the model server itself can give.
pub async fn throughput(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let provider = Provider::start(Pace::NO_PAUSES)?;
    let ours = setup.classroom_with(&provider).start().await?;
    let (mut ratios, mut rates) = (Vec::new(), [Vec::new(), Vec::new()]);
    for round in 0..=setup.rounds {
        let load = |call| Load { call, clients: 32, calls: 20 };
        let direct = load(Call::Direct).run(provider.address, &provider.process, &provider.process).await?;
        let through = load(Call::ChatStream).run(ours.address, &ours.process, &provider.process).await?;
        let rate = |calls: &Calls| calls.times.len() as f64 / calls.busy.took.as_secs_f64();
        if round > 0 {
            ratios.push(rate(&through) / rate(&direct));
            rates[0].push(rate(&through));
            rates[1].push(rate(&direct));
        }
    }
    ours.process.stop().await?;
    let ratios = ratios.into_iter().collect::<Samples>().spread();
    let median = |rates: &[f64]| digits(rates.iter().copied().collect::<Samples>().median());
    report.add(
        Row::new("streams of 60 pieces without pauses a second, through `/api/v1/chat/chat/stream`", median(&rates[0]))
            .other(format!("model server itself: {}", median(&rates[1])))
            .ratio(format!("{} ({}–{})", digits(ratios.median), digits(ratios.min), digits(ratios.max)))
            .target("≥ 0.33", ratios.median >= 0.33)
            .values(json!({ "through": rates[0], "direct": rates[1], "ratio": ratios })),
    );
    Ok(())
}
