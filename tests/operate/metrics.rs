//! The metrics that an operator watches.

use serde_json::json;

use crate::support::{
    eventually,
    openai::{Behaviour, FakeOpenAi, Purpose},
    postgres,
    process::Process,
    student::Student,
};

const QUESTION: &str = "하늘은 왜 파래요?";

/// The program with a model server, which it asks for nothing that isn't wanted.
async fn program(settings: &[(&str, &str)]) -> (tempfile::TempDir, FakeOpenAi, Process) {
    let folder = tempfile::tempdir().unwrap();
    let server = FakeOpenAi::start().await;
    let base = server.base_url();
    let own = [("OPENAI_BASE_URL", base.as_str()), ("OPENAI_FALLBACK_MODELS", "second"), ("RATE_LIMIT", "off")];
    let process = Process::start(folder.path(), &[&own[..], settings].concat());
    (folder, server, process)
}

/// The value of a series, its labels included in the name.
async fn read_series(operator: &Student, series: &str) -> Option<f64> {
    value(&operator.get("/metrics").await.expect(200).text(), series)
}

/// The value of a series on the page of metrics.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

async fn becomes(operator: &Student, series: &str, wanted: f64) {
    eventually(&format!("{series} {wanted}"), async || {
        (read_series(operator, series).await == Some(wanted)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn streams_are_in_flight_exactly_as_long_as_somebody_reads_them() {
    let (_folder, server, program) = program(&[]).await;
    let operator = program.student();
    assert_eq!(read_series(&operator, "streams_in_flight").await, Some(0.0), "it is there before the first stream");
    server.set(Purpose::Chat, Behaviour::default().gate_at(1));

    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let first = student.follow(&turn).await;
    let second = student.follow(&turn).await;
    becomes(&operator, "streams_in_flight", 2.0).await;
    let body = json!({ "message": QUESTION, "topic": "과학 탐구", "conversation_history": [] });
    let stateless = operator.call(reqwest::Method::POST, "/api/v1/chat/chat/stream").json(&body).open().await;
    becomes(&operator, "streams_in_flight", 3.0).await;
    assert_eq!(read_series(&operator, "turns_running").await, Some(1.0));
    assert_eq!(read_series(&operator, "turn_slots_in_use").await, Some(2.0));
    assert_eq!(read_series(&operator, "turns_limit").await, Some(500.0));

    // One reader hangs up, as a closed tab does; so does the stateless client, which ends its call.
    drop(second);
    becomes(&operator, "streams_in_flight", 2.0).await;
    drop(stateless);
    becomes(&operator, "streams_in_flight", 1.0).await;
    becomes(&operator, "turn_slots_in_use", 1.0).await;
    // The other one reads to the end.
    server.release_all(Purpose::Chat);
    first.into_story().await;
    becomes(&operator, "streams_in_flight", 0.0).await;
    becomes(&operator, "turn_slots_in_use", 0.0).await;
    // A refused request leaves no trace.
    program.student().get(&format!("/api/v1/turns/{turn}/events")).await.problem(404, "not-found");
    assert_eq!(read_series(&operator, "streams_in_flight").await, Some(0.0));
}

#[tokio::test]
async fn our_own_share_leaves_out_what_the_model_took() {
    let (_folder, server, program) = program(&[]).await;
    let (operator, student) = (program.student(), program.student());
    // The model takes 300 ms to begin, and 20 ms for each of its twelve pieces; the tutor takes longer.
    server.queue(Purpose::Chat, Behaviour { first_ms: 300, gap_ms: 20, ..Behaviour::default() });
    server.queue(Purpose::Tutor, Behaviour { first_ms: 800, ..Behaviour::default() });
    student.asked_and_answered(QUESTION).await;
    let sum = async |name: &str| read_series(&operator, &format!("{name}_sum")).await.unwrap();
    let (turn, ours) = (sum("turn_seconds").await, sum("turn_overhead_seconds").await);
    let (first, first_ours) = (sum("first_piece_seconds").await, sum("first_piece_overhead_seconds").await);
    assert!(turn - ours >= 0.8, "{turn} with {ours} of ours");
    assert!((0.3..0.8).contains(&(first - first_ours)), "{first} with {first_ours} of ours");
    assert!(ours > 0.0 && first_ours > 0.0);
}

#[tokio::test]
async fn whoever_is_turned_away_is_counted_by_why() {
    let (_folder, server, program) = program(&[
        ("MAX_TURNS", "1"),
        ("RATE_LIMIT", "on"),
        ("RATE_LIMIT_LEARNER_PER_MINUTE", "4"),
        ("RATE_LIMIT_ADDRESS_PER_MINUTE", "6"),
        ("DAILY_TOKEN_BUDGET", "100"),
    ])
    .await;
    let operator = program.student();
    // Beginning a conversation counts as well, but it has no learner before.
    for series in [
        r#"turns_refused_total{reason="full"}"#,
        r#"turns_refused_total{reason="budget"}"#,
        r#"rate_limited_total{limit="learner"}"#,
        r#"rate_limited_total{limit="address"}"#,
        r#"rate_limited_total{limit="address-recent"}"#,
        r#"turns_total{outcome="interrupted"}"#,
        r#"turn_failures_total{reason="quota"}"#,
        "coach_fallbacks_total",
        "connections_refused_total",
    ] {
        assert_eq!(read_series(&operator, series).await, Some(0.0), "{series} is there before it is needed");
    }
    server.set(Purpose::Chat, Behaviour::default().gate_at(0));
    let student = program.student();
    let conversation = student.begin("과학 탐구").await;
    let turn = student.ask(&conversation, QUESTION).await;
    let other = student.begin("과학 탐구").await;
    student.send(&other, QUESTION, None).await.problem(503, "full");
    assert_eq!(read_series(&operator, r#"turns_refused_total{reason="full"}"#).await, Some(1.0));
    server.release_all(Purpose::Chat);
    student.finish(&turn).await;
    // A hundred tokens are spent by now.
    becomes(&operator, "turn_slots_in_use", 0.0).await;
    assert!(read_series(&operator, "daily_tokens_used").await >= Some(100.0));
    assert_eq!(read_series(&operator, "daily_tokens_limit").await, Some(100.0));
    student.send(&other, QUESTION, None).await.problem(429, "budget-spent");
    assert_eq!(read_series(&operator, r#"turns_refused_total{reason="budget"}"#).await, Some(1.0));
    asks_until_limited(&student, &other).await;
    assert_eq!(read_series(&operator, r#"rate_limited_total{limit="learner"}"#).await, Some(1.0));
    // Both came today, and together they ask too often for their address.
    let neighbour = program.student();
    let conversation = neighbour.begin("과학 탐구").await;
    asks_until_limited(&neighbour, &conversation).await;
    assert_eq!(read_series(&operator, r#"rate_limited_total{limit="learner"}"#).await, Some(1.0));
    assert_eq!(read_series(&operator, r#"rate_limited_total{limit="address-recent"}"#).await, Some(1.0));
}

/// Asks, with nothing of the budget left, until it's too often.
async fn asks_until_limited(student: &Student, conversation: &str) {
    for _ in 0..5 {
        let reply = student.send(conversation, QUESTION, None).await;
        if reply.json()["type"] == "/problems/too-many" {
            reply.problem(429, "too-many");
            return;
        }
        reply.problem(429, "budget-spent");
    }
    panic!("no limit was met");
}

#[tokio::test]
async fn a_model_without_a_price_costs_nothing_and_the_log_says_so() {
    let (folder, server, program) = program(&[("MODEL_PRICES", "gpt-4o-mini=1/10,unused=5/5")]).await;
    let (operator, student) = (program.student(), program.student());
    student.asked_and_answered(QUESTION).await;
    let spent = read_series(&operator, r#"llm_cost_usd_total{model="gpt-4o-mini"}"#).await.unwrap();
    assert!(spent >= (100.0 + 10.0 * 12.0) / 1e6, "{spent}");
    // Both attempts fail with the first model, and the second has no price.
    server.set(Purpose::Tutor, Behaviour::status(404, ""));
    for _ in 0..3 {
        server.queue(Purpose::Chat, Behaviour::status(500, "{}"));
    }
    student.asked_and_answered(QUESTION).await;
    assert_eq!(read_series(&operator, r#"llm_fallbacks_total{purpose="chat",model="second"}"#).await, Some(1.0));
    let page = operator.get("/metrics").await.expect(200).text().to_owned();
    let costs: Vec<&str> = page.lines().filter(|line| line.starts_with("llm_cost_usd_total{")).collect();
    assert_eq!(costs, [format!(r#"llm_cost_usd_total{{model="gpt-4o-mini"}} {spent}"#)]);
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("MODEL_PRICES names no price for this model") && log.contains("second"), "{log}");
}

#[tokio::test]
async fn the_database_and_the_instance_are_seen_in_the_figures() {
    let database = postgres::Server::start();
    let (_folder, _server, program) = program(&[("DATABASE_URL", &database.database()), ("DATABASE_POOL", "3")]).await;
    let operator = program.student();
    becomes(&operator, "database_up", 1.0).await;
    becomes(&operator, "lease_held", 1.0).await;
    assert_eq!(read_series(&operator, "database_connections_max").await, Some(3.0));
    // From one page: a connection may change its state between two.
    let page = operator.get("/metrics").await.expect(200).text();
    let connections = |state: &str| value(&page, &format!("database_connections{{state=\"{state}\"}}")).unwrap();
    let open = connections("idle") + connections("in_use");
    assert!((1.0..=3.0).contains(&open), "{open}");
    let commits = read_series(&operator, "store_commit_seconds_count").await.unwrap();
    assert!(commits >= 1.0 && read_series(&operator, "store_wait_seconds_count").await >= Some(commits));
    assert_eq!(
        read_series(&operator, &format!("build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))).await,
        Some(1.0)
    );
    let memory = read_series(&operator, "process_resident_memory_bytes").await;
    assert!(memory > Some(1e6) && memory < read_series(&operator, "process_memory_limit_bytes").await);

    database.stop();
    becomes(&operator, "database_up", 0.0).await;
    becomes(&operator, "lease_held", 0.0).await;
    database.start_again();
    becomes(&operator, "database_up", 1.0).await;
    becomes(&operator, "lease_held", 1.0).await;
}
