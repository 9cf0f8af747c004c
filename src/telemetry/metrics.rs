//! The program's metrics, as Prometheus collects them.
//!
//! Events are counted where they happen, at the cost of an atomic addition. Gauges (running turns, connections in use,
//! memory) are read when the metrics are scraped. Labels have few values: words of a closed set, routes' patterns, and
//! models that the settings name; never an id and never a word of a student.

mod fractional;
mod process;

use std::{sync::Arc, time::Duration};

use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

pub use fractional::FractionalCounter;

/// From a hundred microseconds, the program's own share of an answer, to two minutes, the longest answer.
const SECONDS: [f64; 17] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 15.0, 45.0, 120.0];

/// Up to as many writes as a commit takes.
const GROUPS: [f64; 9] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// How often recorded times are added up. Until then each of them takes memory, whether or not anybody collects them.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);

/// Installs the recorder of the program's metrics. Each module describes its own.
///
/// # Errors
/// When one is installed already.
pub fn install() -> anyhow::Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Full("store_group_size".to_owned()), &GROUPS)?
        .install_recorder()?;
    describe_gauge!("build_info", "Always 1; the version that runs is the label");
    process::describe();
    Ok(handle)
}

/// Sets the gauges to their current values and returns the fractional counters.
pub type Read = dyn Fn() -> Vec<FractionalCounter> + Send + Sync;

/// The program's metrics. Cheap to clone.
#[derive(Clone)]
pub struct MetricsExporter {
    recorded: PrometheusHandle,
    read: Arc<Read>,
}

impl MetricsExporter {
    /// The recorded metrics, and those that `read` sets and returns at every scrape.
    #[must_use]
    pub fn new(recorded: PrometheusHandle, read: Arc<Read>) -> Self {
        gauge!("build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
        Self { recorded, read }
    }

    /// All metrics in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut counters = (self.read)();
        counters.extend(process::read());
        let mut page = self.recorded.render();
        for counter in counters {
            counter.write(&mut page);
        }
        page
    }

    /// Aggregates recorded samples every few seconds, so that they don't take up memory. Never returns.
    pub async fn run_upkeep(self) {
        loop {
            tokio::time::sleep(UPKEEP_EVERY).await;
            self.recorded.run_upkeep();
        }
    }
}
