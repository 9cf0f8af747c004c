//! What the program tells of itself: lines in the log, errors to Sentry, traces to an OpenTelemetry collector, figures to
//! Prometheus.
//!
//! The other parts know little of this: they use `tracing` and `metrics`, and `logging::RepeatedLine` for lines that would come
//! too often. Its spans say to what a line belongs (request, turn,
//! model call), so what is recorded on a span stands on each line, error and trace below it.

mod fields;
mod logs;
pub mod metrics;
mod panics;
mod sentry;
mod traces;

use std::{fmt::Debug, thread, time::Duration};

use tracing::{Level, Metadata};
use tracing_subscriber::{Layer, Registry, filter::FilterFn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{Config, LogFormat, Switch};
use fields::FieldsLayer;

/// The target of spans that stand on lines but make no trace: requests of probes, and of what every page loads.
pub const NO_TRACE: &str = "llm_classroom::no_trace";

/// How long the last errors and traces may take at the end.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Begins to log, and to send errors and traces where the settings say so. To be called once, before the runtime
/// starts.
///
/// # Errors
/// When a setting can't be used, with its mend.
pub fn begin(config: &Config) -> anyhow::Result<Observing> {
    // Both senders may speak TLS. Whoever installed a provider before us chose one as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sentry = sentry::Sentry::new(config)?;
    let traces = traces::Traces::new(config)?;
    let mut layers: Vec<BoxedLayer> = Vec::new();
    if config.log_format == LogFormat::Json || sentry.is_some() {
        layers.push(FieldsLayer.with_filter(filter(is_own_span)).boxed());
    }
    layers.push(logs::layer(config)?);
    layers.extend(sentry.as_ref().map(sentry::Sentry::layer));
    layers.extend(traces.as_ref().map(traces::Traces::layer));
    tracing_subscriber::registry().with(layers).try_init()?;
    let shows_text = config.observe.log_student_text == Switch::On;
    panics::report();
    if shows_text {
        tracing::warn!(
            "LOG_STUDENT_TEXT is on: the log holds what students write and models answer; turn it off when you have found what you look for"
        );
    }
    Ok(Observing { sentry, traces })
}

/// What still has something to send when the program ends.
#[derive(Debug)]
#[must_use = "the last errors and traces are sent by Observing::end"]
pub struct Observing {
    sentry: Option<sentry::Sentry>,
    traces: Option<traces::Traces>,
}

impl Observing {
    /// Sends what is left, for two seconds at most. To be called when nothing runs any more.
    ///
    /// `why` says why the program ends, when that is a failure.
    pub fn end(self, why: Option<&anyhow::Error>) {
        if let (Some(sentry), Some(why)) = (&self.sentry, why) {
            sentry.failed(why);
        }
        thread::scope(|both| {
            if let Some(traces) = &self.traces {
                both.spawn(|| traces.flush(FLUSH_PATIENCE));
            }
            if let Some(sentry) = &self.sentry {
                sentry.flush(FLUSH_PATIENCE);
            }
        });
        // Their threads may hang on a server that doesn't answer, and dropping them would wait for that.
        std::mem::forget(self);
    }
}

/// Whether this is a span of ours that says to what a line belongs.
fn is_own_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && is_own(metadata) && *metadata.level() <= Level::INFO
}

/// A filter that lets nothing through that is more verbose than the spans of ours, and says so: else every line of every
/// library would be looked at.
fn filter(wanted: fn(&Metadata<'_>) -> bool) -> FilterFn<fn(&Metadata<'_>) -> bool> {
    FilterFn::new(wanted).with_max_level_hint(Level::INFO)
}

/// The crates of this program that write lines.
const OWN_CRATES: [&str; 3] = ["llm_classroom", "llm", "store"];

fn is_own(metadata: &Metadata<'_>) -> bool {
    OWN_CRATES.iter().any(|own| is_within(metadata.target(), own))
}

/// Whether a target is a module or one of those inside it.
fn is_within(target: &str, module: &str) -> bool {
    target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// This machine's name, as lines from several can be told apart by it.
fn host() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}
