//! The program's figures, as Prometheus collects them.
//!
//! What happens is counted where it happens, at the cost of an atomic addition. What stands at a moment (turns that run,
//! connections in use, memory) is read when somebody asks for the figures. Labels have few values: words of a closed set,
//! routes' patterns, and models that the settings name; never an id and never a word of a student.

mod process;

use std::{sync::Arc, time::Duration};

use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    bus::{self, Bus},
    domain::{
        budget::Budget,
        conversation::now,
        partner::Partner,
        turn::{self, engine::Engine},
    },
    http, llm, shared,
    store::{self, Connections, Store},
};

/// From a hundred microseconds, our own share, to two minutes, the longest answer.
const SECONDS: [f64; 17] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 45.0, 120.0];

/// Up to as many writes as a commit takes.
const GROUPS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How often recorded times are added up. Until then each of them takes memory, whether or not anybody collects them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Installs the recorder of the program's figures, and says what they mean.
///
/// # Errors
/// When one is installed already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("store_group_size".to_owned()), &GROUPS)?
        .install_recorder()?;
    describe();
    http::describe_metrics();
    turn::describe_metrics();
    llm::describe_metrics();
    store::describe_metrics();
    bus::describe_metrics();
    shared::describe_metrics();
    process::describe();
    Ok(handle)
}

/// What is read when somebody asks.
fn describe() {
    describe_gauge!("build_info", "Always 1; the version that runs is the label");
    describe_gauge!("turns_running", "Turns that run on this instance");
    describe_gauge!("turn_slots_in_use", "Turns and stateless calls that run on this instance");
    describe_gauge!("turns_limit", "How many of these may run at a time (MAX_TURNS)");
    describe_gauge!("database_up", "1 while the database answers, 0 when it failed at the last beat");
    describe_gauge!("daily_tokens_used", "Tokens used since midnight in Korea, by all instances together");
    describe_gauge!("daily_tokens_limit", "Tokens that may be used a day (DAILY_TOKEN_BUDGET); 0 for no limit");
}

const COST: &str =
    "What model calls cost in US dollars, by the prices in MODEL_PRICES; models without a price are left out";

/// Where figures that stand at a moment are read.
#[derive(Clone)]
pub struct Sources {
    /// Runs turns.
    pub engine: Engine,
    /// The database.
    pub store: Store,
    /// Live events of turns.
    pub bus: Bus,
    /// The day's tokens.
    pub budget: Arc<Budget>,
    /// Who answers.
    pub partner: Partner,
}

/// The program's figures. Cheap to clone.
#[derive(Clone)]
pub struct Figures {
    recorded: PrometheusHandle,
    sources: Sources,
}

impl Figures {
    /// What was recorded, and what is to be read.
    #[must_use]
    pub fn new(recorded: PrometheusHandle, sources: Sources) -> Self {
        gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self { recorded, sources }
    }

    /// All figures in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        self.read();
        let cpu_seconds = process::read();
        let mut page = self.recorded.render();
        if let Some(seconds) = cpu_seconds {
            counter_of_fractions(&mut page, "process_cpu_seconds_total", process::CPU, &[(String::new(), seconds)]);
        }
        if let Partner::Model(client, _) = &self.sources.partner {
            let spent: Vec<_> =
                client.spending().into_iter().map(|(model, usd)| (label("model", &model), usd)).collect();
            counter_of_fractions(&mut page, "llm_cost_usd_total", COST, &spent);
        }
        page
    }

    /// Adds recorded times up now and then, until `stop`.
    pub async fn keep_small(self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(UPKEEP_EVERY)).await.is_some() {
            self.recorded.run_upkeep();
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "no figure here comes near 2^53")]
    fn read(&self) {
        let Sources { engine, store, bus, budget, .. } = &self.sources;
        gauge!("turns_running").set(engine.turns_running() as f64);
        let (in_use, limit) = engine.slots();
        gauge!("turn_slots_in_use").set(in_use as f64);
        gauge!("turns_limit").set(limit as f64);
        gauge!("database_up").set(if engine.is_without_database() { 0.0 } else { 1.0 });
        let Connections { idle, in_use, most } = store.connections();
        gauge!("database_connections", "state" => "idle").set(idle as f64);
        gauge!("database_connections", "state" => "in_use").set(in_use as f64);
        gauge!("database_connections_max").set(most as f64);
        gauge!("store_queue_length").set(store.writes_waiting() as f64);
        gauge!("bus_turns").set(bus.live() as f64);
        gauge!("bus_mirrors").set(bus.mirrors() as f64);
        let (used, limit) = budget.used(now());
        gauge!("daily_tokens_used").set(used as f64);
        gauge!("daily_tokens_limit").set(limit as f64);
    }
}

/// Adds a counter that the library can't hold, since its counters are whole numbers.
fn counter_of_fractions(page: &mut String, name: &str, help: &str, samples: &[(String, f64)]) {
    if samples.is_empty() {
        return;
    }
    page.push_str(&format!("# HELP {name} {help}\n# TYPE {name} counter\n"));
    for (labels, value) in samples {
        page.push_str(&format!("{name}{labels} {value}\n"));
    }
    page.push('\n');
}

/// `{name="value"}`, the value escaped as the format wants it.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{{{name}=\"{value}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_counted_and_labels_escaped() {
        let mut page = String::new();
        let samples = [(label("model", "a\\b\"c\nd"), 0.000_001_5), (String::new(), 2.0)];
        counter_of_fractions(&mut page, "x_total", "Help", &samples);
        let wanted =
            "# HELP x_total Help\n# TYPE x_total counter\nx_total{model=\"a\\\\b\\\"c\\nd\"} 0.0000015\nx_total 2\n\n";
        assert_eq!(page, wanted);
        counter_of_fractions(&mut page, "y_total", "Help", &[]);
        assert_eq!(page, wanted);
    }
}
