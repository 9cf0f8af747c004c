//! What the bench itself can do, without any server between driver and model server.

use serde_json::json;

use super::Setup;
use crate::{
    load::{Calls, Load},
    meter::Busy,
    provider::{Pace, Provider},
    report::{Report, Row, digits},
    stateless::Call,
};

/// Measures both calls of a turn, as fast as they go and at the usual pace.
pub async fn measure(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let provider = Provider::start(Pace::NO_PAUSES)?;
    let run = async |provider: &Provider, call, clients, calls| {
        Load { call, clients, calls }.run(provider.address, &provider.process, &provider.process).await
    };
    let chat = run(&provider, Call::Direct, 32, 50).await?;
    let tutor = run(&provider, Call::DirectTutor, 32, 50).await?;
    let seconds = |calls: &Calls| calls.busy.took.as_secs_f64() / calls.times.len() as f64;
    let rate = 1.0 / (seconds(&chat) + seconds(&tutor));
    report.add(
        Row::new("ceiling of the bench: turns a second of driver and model server alone, without pauses", digits(rate))
            .values(json!({ "turns_a_second": rate })),
    );
    // At the usual pace each piece costs a wake-up of both.
    let chat = run(&setup.provider, Call::Direct, 100, 1).await?;
    let tutor = run(&setup.provider, Call::DirectTutor, 100, 1).await?;
    let both = |part: fn(&Busy) -> crate::process::Usage| {
        [&chat, &tutor].map(|calls| Busy::micros(part(&calls.busy), calls.times.len())).iter().sum::<f64>()
    };
    report.add(Row::new(
        "processor time of the bench itself a turn: model server, and driver as its only client",
        format!("{} ms, {} ms", digits(both(|busy| busy.provider) / 1e3), digits(both(|busy| busy.driver) / 1e3)),
    ));
    Ok(())
}
