//! Page views beside nginx, and what a page weighs.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use serde_json::json;

use super::Setup;
use crate::{
    http::Connection,
    load::Fetch,
    meter::{Busy, Meter},
    report::{Report, Row, digits, mb},
    servers::{Server, nginx},
    stats::Samples,
    student::PAGE,
};

/// How long each measurement takes.
const TIME: Duration = Duration::from_secs(2);

/// Page views a second, and processor time of one, beside nginx that serves the same bytes from a file.
pub async fn views(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let ours = setup.classroom().start().await?;
    for (name, encoding) in [("compressed with br", Some("br")), ("not compressed", None)] {
        let page =
            Connection::open(ours.address, 0).await?.accept_encoding(encoding).call("GET", PAGE, None, 200).await?;
        let figure = format!("views of the chat page a second, {name}, {} bytes", page.len());
        let Some(nginx) = nginx::start(&page, encoding).await? else {
            report.add(Row::impossible(figure, "nginx isn't installed"));
            continue;
        };
        let (mut rates, mut cpus, mut ratios) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()], Vec::new());
        let mut note = String::new();
        for _ in 0..setup.rounds {
            for (at, (server, path)) in [(&ours, PAGE), (&nginx, nginx::PAGE)].into_iter().enumerate() {
                let (count, busy) = view(setup, server, path, encoding).await?;
                rates[at].push(count as f64 / busy.took.as_secs_f64());
                cpus[at].push(Busy::micros(busy.server, count));
                if at == 0 {
                    note = busy.note();
                }
            }
            ratios.push(rates[1].last().unwrap_or(&0.0) / rates[0].last().unwrap_or(&1.0));
        }
        nginx.process.stop().await?;
        let median = |values: &[f64]| values.iter().copied().collect::<Samples>().median();
        let ratio = median(&ratios);
        report.add(
            Row::new(figure, format!("{} ({} µs each)", digits(median(&rates[0])), digits(median(&cpus[0]))))
                .other(format!(
                    "nginx, same bytes: {} ({} µs each)",
                    digits(median(&rates[1])),
                    digits(median(&cpus[1]))
                ))
                .ratio(format!("nginx serves {} × as many", digits(ratio)))
                .target("≤ 2 ×", ratio <= 2.0)
                .note(note)
                .values(json!({ "ours": rates[0], "nginx": rates[1], "ours_us": cpus[0], "nginx_us": cpus[1] })),
        );
    }
    ours.process.stop().await?;
    Ok(())
}

async fn view(
    setup: &Setup,
    server: &Server,
    path: &str,
    accept_encoding: Option<&'static str>,
) -> anyhow::Result<(usize, Busy)> {
    let fetch = Fetch { path: path.to_owned(), accept_encoding, clients: 32, time: TIME };
    let meter = Meter::start(&server.process, &setup.provider.process);
    let times = fetch.run(server.address).await?;
    Ok((times.len(), meter.stop()))
}

/// Bytes and requests of the chat page with what its HTML, styles and scripts name, as a browser fetches them.
pub async fn weight(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let server = setup.classroom().start().await?;
    let page = text(&server, PAGE, None).await?;
    let mut needed: Vec<String> = quoted(&page, &["src=\"", "href=\""])
        .into_iter()
        .filter(|path| path.starts_with("/static/") && (path.ends_with(".js") || path.ends_with(".css")))
        .collect();
    let mut seen: BTreeSet<String> = needed.iter().cloned().collect();
    let mut at = 0;
    while let Some(path) = needed.get(at).cloned() {
        at += 1;
        let file = text(&server, &path, None).await?;
        let folder = &path[..path.rfind('/').unwrap_or_default()];
        for name in quoted(&file, &["from \"./", "import \"./"]) {
            let import = format!("{folder}/{name}");
            if seen.insert(import.clone()) {
                needed.push(import);
            }
        }
    }
    let mut bytes = received(&server, PAGE).await?;
    for path in &needed {
        bytes += received(&server, path).await?;
    }
    server.process.stop().await?;
    let requests = needed.len() + 1;
    let kilobytes = bytes as f64 / 1000.0;
    report.add(
        Row::new(
            "first view of the chat: requests and bytes with heads (page, styles, scripts that it imports)",
            format!("{requests} requests, {} kB", digits(kilobytes)),
        )
        .target("≤ 8 requests, ≤ 14.6 kB", requests <= 8 && kilobytes <= 14.6)
        .values(json!({ "requests": requests, "bytes": bytes })),
    );
    Ok(())
}

async fn text(server: &Server, path: &str, encoding: Option<&'static str>) -> anyhow::Result<String> {
    let mut connection = Connection::open(server.address, 0).await?.accept_encoding(encoding);
    Ok(String::from_utf8(connection.call("GET", path, None, 200).await?)?)
}

async fn received(server: &Server, path: &str) -> anyhow::Result<usize> {
    let mut connection = Connection::open(server.address, 0).await?.accept_encoding(Some("br"));
    connection.call("GET", path, None, 200).await?;
    Ok(connection.received_bytes)
}

/// What stands between one of these openings and the next quotation mark.
fn quoted(text: &str, openings: &[&str]) -> Vec<String> {
    let of = |opening| text.split(opening).skip(1).filter_map(|rest: &str| rest.split('"').next()).map(str::to_owned);
    openings.iter().flat_map(|opening| of(*opening)).collect()
}

/// Turns that a conversation has when it is read.
const HISTORIES: [usize; 3] = [10, 200, 1000];

/// How long a page of a conversation takes, by how long the conversation is, while others read.
pub async fn history(setup: &Setup, report: &mut Report) -> anyhow::Result<()> {
    let provider = crate::provider::Provider::start(crate::provider::Pace::NO_PAUSES)?;
    let server = setup.classroom_with(&provider).start().await?;
    let mut readers = Vec::new();
    for turns in HISTORIES {
        let mut student = crate::student::Student::begin(server.address, 0, false).await?;
        for _ in 0..turns {
            student.ask().await?;
        }
        readers.push(student);
    }
    let others = Fetch { path: PAGE.to_owned(), accept_encoding: None, clients: 4, time: Duration::from_secs(600) };
    let address = server.address;
    // Aborted when this is dropped.
    let mut reading = tokio::task::JoinSet::new();
    reading.spawn(async move { others.run(address).await });
    let mut times = vec![Vec::new(); readers.len()];
    // In turns, so that a noisy machine is noisy for all. The first views render.
    for number in 0..120 {
        for (student, times) in readers.iter_mut().zip(&mut times) {
            let began = Instant::now();
            student.get(&format!("/chat.html?c={}", student.conversation())).await?;
            if number >= 20 {
                times.push(began.elapsed());
            }
        }
    }
    let memory = server.process.usage().resident;
    let times: Vec<Samples> = times.into_iter().map(Samples::millis).collect();
    reading.abort_all();
    server.process.stop().await?;
    let text = |samples: &Samples| format!("{} / {} ms", digits(samples.median()), digits(samples.p99()));
    let ratio = times[2].median() / times[1].median();
    report.add(
        Row::new(
            "page of a conversation with 10, 200 and 1,000 turns while four others read, p50 / p99",
            times.iter().map(text).collect::<Vec<_>>().join(", "),
        )
        .ratio(format!("1,000 turns ÷ 200: {}", digits(ratio)))
        .target("≤ 1.2", ratio <= 1.2)
        .note(format!("{} resident", mb(memory as f64)))
        .values(json!({ "p50_ms": times.iter().map(Samples::median).collect::<Vec<_>>() })),
    );
    Ok(())
}
