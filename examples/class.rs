//! A class that asks at once: `class --url http://127.0.0.1:8000 [--url …] [--students 30] [--turns 3]`
//!
//! Every student begins a conversation; then all send their first question at the same moment, follow the answer to its
//! end, and send the next. With several addresses the students' requests go to them in turn, so that a turn is asked at
//! one instance and followed at another. Prints one line of figures and ends with an error if anything failed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use reqwest::{
    Client,
    header::{COOKIE, SET_COOKIE},
};
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet};

/// The command line.
#[derive(clap::Parser)]
struct Arguments {
    /// An address to ask at; may be given several times. Only this machine's own are accepted.
    #[arg(long, required = true)]
    url: Vec<String>,
    /// How many students ask at once, at most 5,000.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=5000))]
    students: u32,
    /// How many questions each asks, at most 1,000.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1000))]
    turns: u32,
    /// The process number of a server, once for each: then their processor time and memory are told too.
    #[arg(long)]
    pid: Vec<u32>,
}

/// How one turn went.
struct Times {
    /// Until the question was taken in.
    accepted: Duration,
    /// Until the first text of the answer was there.
    first: Duration,
    /// Until everything was there.
    whole: Duration,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let Arguments { url, students, turns, pid } = clap::Parser::parse();
    if let Some(far) = url.iter().find(|url| !url.starts_with("http://127.0.0.1")) {
        return Err(format!("{far} is another machine's").into());
    }
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().tls_certs_only([]).build()?;
    let (urls, ready) = (Arc::new(url), Arc::new(Barrier::new(students as usize + 1)));
    let mut class = JoinSet::new();
    for number in 0..students as usize {
        class.spawn(study(client.clone(), urls.clone(), ready.clone(), number, turns));
    }
    ready.wait().await;
    let (began, used) = (Instant::now(), processor_seconds(&pid));
    let mut times = Vec::new();
    let mut failures = Vec::new();
    while let Some(done) = class.join_next().await {
        match done? {
            Ok(own) => times.extend(own),
            Err(failure) => failures.push(failure.to_string()),
        }
    }
    let took = began.elapsed();
    let line = json!({
        "students": students,
        "turns": times.len(),
        "failed": failures.len(),
        "turns_a_second": round(times.len() as f64 / took.as_secs_f64()),
        "accepted_ms": spread(&times, |times| times.accepted),
        "first_text_ms": spread(&times, |times| times.first),
        "whole_ms": spread(&times, |times| times.whole),
        "processor_ms_a_turn": round((processor_seconds(&pid) - used) * 1000.0 / times.len().max(1) as f64),
        "resident_mb": round(pid.iter().map(resident_mb).sum()),
    });
    println!("{line}");
    failures.first().map_or(Ok(()), |failure| Err(failure.as_str().into()))
}

async fn study(
    client: Client,
    urls: Arc<Vec<String>>,
    ready: Arc<Barrier>,
    number: usize,
    turns: u32,
) -> Result<Vec<Times>, Failure> {
    let mut next = number;
    let mut url = || {
        next += 1;
        urls[next % urls.len()].as_str()
    };
    let begun = begin(&client, url()).await;
    ready.wait().await;
    let (conversation, cookie) = begun?;
    let mut times = Vec::new();
    for turn in 0..turns {
        let sent = Instant::now();
        let asked = client
            .post(format!("{}/api/v1/conversations/{conversation}/turns", url()))
            .header(COOKIE, &cookie)
            .json(&json!({ "message": format!("{turn}번째 질문이에요. 식물은 왜 햇빛이 있어야 자라나요?") }))
            .send()
            .await?;
        let (status, body) = (asked.status(), asked.json::<Value>().await?);
        let Some(id) = body["turn_id"].as_str().filter(|_| status.is_success()) else {
            return Err(format!("{status}: {body}").into());
        };
        let accepted = sent.elapsed();
        let (first, whole) = follow(&client, &format!("{}/api/v1/turns/{id}/events", url()), &cookie, sent).await?;
        times.push(Times { accepted, first, whole });
    }
    Ok(times)
}

async fn begin(client: &Client, url: &str) -> Result<(String, String), Failure> {
    let begun =
        client.post(format!("{url}/api/v1/conversations")).json(&json!({ "topic": "과학 탐구" })).send().await?;
    let cookie = begun.headers().get(SET_COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    let cookie = cookie.split(';').next().unwrap_or_default().to_owned();
    let (status, body) = (begun.status(), begun.json::<Value>().await?);
    match body["id"].as_str() {
        Some(id) if status.is_success() => Ok((id.to_owned(), cookie)),
        _ => Err(format!("{status}: {body}").into()),
    }
}

/// When the first text was there, and when all was.
async fn follow(client: &Client, url: &str, cookie: &str, sent: Instant) -> Result<(Duration, Duration), Failure> {
    let mut events = client.get(url).header(COOKIE, cookie).send().await?.bytes_stream().eventsource();
    let (mut first, mut state) = (None, String::new());
    while let Some(event) = events.next().await {
        let event = event?;
        let data: Value = serde_json::from_str(&event.data)?;
        if let Some(now) = data["state"].as_str() {
            now.clone_into(&mut state);
        }
        let has_text = event.event == "block" || data["blocks"].as_array().is_some_and(|blocks| !blocks.is_empty());
        if has_text {
            first.get_or_insert_with(|| sent.elapsed());
        }
        if event.event == "end" {
            return match (state.as_str(), first) {
                ("done", Some(first)) => Ok((first, sent.elapsed())),
                _ => Err(format!("a turn ended as {state}").into()),
            };
        }
    }
    Err("a stream ended early".into())
}

/// Median and 99th percentile in milliseconds.
fn spread(times: &[Times], part: impl Fn(&Times) -> Duration) -> Value {
    let mut millis: Vec<f64> = times.iter().map(|times| part(times).as_secs_f64() * 1000.0).collect();
    millis.sort_by(f64::total_cmp);
    let at = |share: usize| millis.get((millis.len() * share / 100).min(millis.len().saturating_sub(1))).copied();
    json!({ "p50": at(50).map(round), "p99": at(99).map(round) })
}

fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// What the processes have used of the processors, by the kernel's clock of a hundred ticks a second.
fn processor_seconds(pids: &[u32]) -> f64 {
    pids.iter().map(processor_seconds_of).sum()
}

fn processor_seconds_of(pid: &u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name stands in brackets and may hold spaces.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

fn resident_mb(pid: &u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or_default() / 1024.0
}
