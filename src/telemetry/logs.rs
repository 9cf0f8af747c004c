//! Lines in the log: for people, or one JSON object each.

use std::{
    error::Error,
    fmt::{self, Debug},
    io::{IsTerminal as _, stderr},
};

use anyhow::Context as _;
use serde_json::{Map, Value};
use tracing::{
    Event, Level, Metadata, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    EnvFilter, Layer,
    field::{RecordFields, VisitOutput},
    filter::{FilterExt, LevelFilter, filter_fn},
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{DefaultVisitor, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use super::{
    BoxedLayer,
    fields::{Fields, is_of_traces},
    is_own, is_own_span, is_within,
};
use crate::config::{LogFormat, Switch, TelemetryConfig};
use logging::STUDENT_TEXT;

/// Writes lines to the standard error.
///
/// # Errors
/// When `RUST_LOG` can't be read.
pub(super) fn layer(config: &TelemetryConfig) -> anyhow::Result<BoxedLayer> {
    let wanted = EnvFilter::try_new(&config.rust_log).context("RUST_LOG can't be read; try info")?;
    let shows_text = config.log_student_text == Switch::On;
    // Without this hint every line of every library would go through the filter.
    let no_text = filter_fn(|metadata| metadata.target() != STUDENT_TEXT).with_max_level_hint(LevelFilter::TRACE);
    // Whatever RUST_LOG names: only our own lines were written with a student's words in mind.
    let known = filter_fn(may_be_logged).with_max_level_hint(LevelFilter::TRACE);
    // Spans of ours are never left out: a lone warning, too, has to say to which request it belongs.
    let always = filter_fn(move |metadata| is_own_span(metadata) || (shows_text && metadata.target() == STUDENT_TEXT))
        .with_max_level_hint(if shows_text { LevelFilter::DEBUG } else { LevelFilter::INFO });
    let filter = wanted.and(no_text).and(known).or(always);
    let lines = tracing_subscriber::fmt::layer().with_writer(stderr).with_ansi(stderr().is_terminal());
    Ok(match config.log_format {
        LogFormat::Text => lines.fmt_fields(Plain).with_filter(filter).boxed(),
        LogFormat::Json => lines.fmt_fields(Nothing).event_format(JsonLines).with_filter(filter).boxed(),
    })
}

/// Libraries whose lines below `info` hold no word of a student; each was reviewed.
const KNOWN: [&str; 1] = ["tower_http::trace"];

/// Whether a line or span may be logged as far as its target goes. Below `info` libraries write what they work on:
/// `html5ever` writes whole answers, others bodies and headers.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO
        || is_own(metadata)
        || KNOWN.iter().any(|known| is_within(metadata.target(), known))
}

/// One flat JSON object per line. A field has one name whether the event or one of its spans recorded it, so lines can be
/// filtered by it.
struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let line = line(time, event, Fields::of_spans(context.event_scope()));
        writeln!(writer, "{}", Value::Object(line))
    }
}

fn line(time: String, event: &Event<'_>, around: Fields) -> Map<String, Value> {
    let metadata = event.metadata();
    let Fields(mut own) = Fields::of_event(event);
    // What libraries log by the older `log` comes with its place in fields.
    let target = own.remove("log.target").unwrap_or_else(|| metadata.target().into());
    own.retain(|name, _| !name.starts_with("log."));
    let message = own.remove("message").unwrap_or_else(|| "".into());
    let mut line = Map::new();
    for (name, value) in [
        ("timestamp", time.into()),
        ("level", metadata.level().as_str().into()),
        ("target", target),
        ("message", message),
    ] {
        line.insert(name.to_owned(), value);
    }
    line.extend(around.0);
    line.extend(own);
    line
}

/// Fields as people read them, without those for traces alone.
struct Plain;

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = WithoutTraces(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

struct WithoutTraces<'a>(DefaultVisitor<'a>);

impl Visit for WithoutTraces<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if !is_of_traces(field) {
            self.0.record_debug(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if !is_of_traces(field) {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.record_error(field, value);
    }
}

/// Formats nothing: the fields of spans are stored as JSON in `fields`.
struct Nothing;

impl<'writer> FormatFields<'writer> for Nothing {
    fn format_fields<R: RecordFields>(&self, _: Writer<'writer>, _: R) -> fmt::Result {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::config::Cli;

    #[test]
    fn what_nobody_wants_is_not_even_looked_at() {
        let most = |flags: &[&str]| {
            let cli = Cli::try_parse_from([&["llm-classroom"], flags].concat()).unwrap();
            layer(&cli.config.telemetry).unwrap().max_level_hint()
        };
        assert_eq!(most(&["--rust-log", "info"]), Some(LevelFilter::INFO));
        assert_eq!(most(&["--rust-log", "error"]), Some(LevelFilter::INFO), "for the spans");
        assert_eq!(most(&["--rust-log", "info,llm_classroom=trace"]), Some(LevelFilter::TRACE));
        assert_eq!(most(&["--log-student-text", "on", "--rust-log", "info"]), Some(LevelFilter::DEBUG));
    }
}
