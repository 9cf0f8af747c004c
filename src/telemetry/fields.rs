//! Fields of spans and events as JSON, ready to be put together for a line.

use std::{error::Error, fmt::Debug};

use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    layer::Context,
    registry::{LookupSpan, Scope},
};

/// Fields by their names, in the order they came.
#[derive(Debug, Default)]
pub(super) struct Fields(pub(super) Map<String, Value>);

impl Fields {
    /// The fields of an event.
    pub(super) fn of_event(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    /// The fields of the spans an event lies in. An inner span overrides an outer one.
    pub(super) fn of_spans<S: for<'a> LookupSpan<'a>>(scope: Option<Scope<'_, S>>) -> Self {
        let mut fields = Self::default();
        for span in scope.into_iter().flat_map(Scope::from_root) {
            if let Some(own) = span.extensions().get::<Self>() {
                fields.0.extend(own.0.iter().map(|(name, value)| (name.clone(), value.clone())));
            }
        }
        fields
    }

    fn put(&mut self, field: &Field, value: Value) {
        if !is_of_traces(field) {
            self.0.insert(field.name().to_owned(), value);
        }
    }
}

/// Whether a field only controls how a trace is displayed.
pub(super) fn is_of_traces(field: &Field) -> bool {
    field.name().starts_with("otel.")
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, whole(value).into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, format!("{value:?}").into());
    }
}

/// An error with its causes, without repetitions.
fn whole(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Stores each span's fields in its extensions.
pub(super) struct FieldsLayer;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for FieldsLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(fields);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
            values.record(fields);
        }
    }
}
