//! Telemetry: logs, errors to Sentry, traces to an OpenTelemetry collector, metrics for Prometheus.
//!
//! Other modules use `tracing` and `metrics`, and `logging::RepeatedLine` for lines that would repeat too often. Spans name
//! the request, the turn and the model call. Fields of a span appear on each line, error and trace below it.

mod fields;
mod logs;
pub mod metrics;
mod panics;
mod sentry;
mod traces;

use std::{fmt::Debug, thread, time::Duration};

use tracing::{Level, Metadata};
use tracing_subscriber::{Layer, Registry, filter::FilterFn, layer::SubscriberExt, util::SubscriberInitExt};

use crate::config::{LogFormat, Switch, TelemetryConfig};
use fields::FieldsLayer;

/// The target of spans that stand on lines but make no trace: requests of probes, and of what every page loads.
pub const NO_TRACE: &str = "llm_classroom::no_trace";

/// How long sending the last errors and traces may take at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging, and sending errors and traces if the settings say so. Call once, before the runtime starts.
///
/// # Errors
/// When a setting can't be used, with its fix.
pub fn init(config: &TelemetryConfig) -> anyhow::Result<TelemetryGuard> {
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
    let shows_text = config.log_student_text == Switch::On;
    panics::report();
    if shows_text {
        tracing::warn!(
            "LOG_STUDENT_TEXT is on: the log holds what students write and models answer; turn it off when you have found what you look for"
        );
    }
    Ok(TelemetryGuard { sentry, traces })
}

/// Sends the last errors and traces when the program ends.
#[derive(Debug)]
#[must_use = "the last errors and traces are sent by TelemetryGuard::end"]
pub struct TelemetryGuard {
    sentry: Option<sentry::Sentry>,
    traces: Option<traces::Traces>,
}

impl TelemetryGuard {
    /// Sends the remaining errors and traces, for two seconds at most. Call when no task runs any more. `why` is the error
    /// that ended the program, if one did.
    pub fn end(self, why: Option<&anyhow::Error>) {
        if let (Some(sentry), Some(why)) = (&self.sentry, why) {
            sentry.report_exit(why);
        }
        thread::scope(|both| {
            if let Some(traces) = &self.traces {
                both.spawn(|| traces.flush(FLUSH_TIMEOUT));
            }
            if let Some(sentry) = &self.sentry {
                sentry.flush(FLUSH_TIMEOUT);
            }
        });
        // Their threads may hang on a server that doesn't answer, and dropping them would wait for that.
        std::mem::forget(self);
    }
}

/// Whether this is a span of this program that gives lines their fields.
fn is_own_span(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && is_own(metadata) && *metadata.level() <= Level::INFO
}

/// A filter with INFO as its hint for the highest level, so that more verbose lines of libraries cost nothing.
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
