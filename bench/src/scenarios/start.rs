//! How long a start takes, and how big the program is.

use super::Setup;
use crate::{
    report::{Report, Row, mb, ms},
    servers::FastApi,
    stats::Samples,
};

/// From the start of the process to the first response with the status 200.
pub async fn first_response(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for number in 0..10 {
        let server = setup.classroom().start().await?;
        ours.push(server.start);
        server.process.stop().await?;
        if number < 2 {
            let server = FastApi::Plain.start(&setup.provider.base_url()).await?;
            theirs.push(server.start);
            server.process.stop().await?;
        }
    }
    let (ours, theirs) = (Samples::millis(ours), Samples::millis(theirs));
    report.add(
        Row::new(
            "start to the first 200, an empty database, median of 10 / slowest",
            format!("{} / {}", ms(ours.median()), ms(ours.at(1.0))),
        )
        .other(format!("FastAPI, first of two workers: {}", ms(theirs.median())))
        .ratio(format!("{:.0} ×", theirs.median() / ours.median()))
        .target("≤ 50 ms", ours.median() <= 50.0),
    );
    let bytes = std::fs::metadata(&setup.binary)?.len();
    report.add(Row::new("the program's file", mb(bytes as f64)));
    Ok(())
}
