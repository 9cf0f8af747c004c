//! Errors to Sentry: what failed, where, and in which request; no text and no identity of a student.
//!
//! An event holds only the fields named below: no headers, cookies, addresses or breadcrumbs. A thread sends the events;
//! when its queue is full, further events are dropped.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use sentry::{
    Client, ClientOptions, Level, Transport, TransportFactory, TransportOptions,
    protocol::{Event, Exception},
    transports::ReqwestHttpTransportOptions,
    types::Scheme,
};
use serde_json::Value;
use tracing::{Metadata, Subscriber, callsite::Identifier};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use super::{BoxedLayer, fields::Fields, filter, is_own, is_own_span};
use crate::{
    config::{AppEnv, TelemetryConfig},
    host_name::host_name,
};
use logging::STUDENT_TEXT;

/// Fields of spans that are sent as tags.
const TAGS: [&str; 7] = [
    "request.id",
    "turn.id",
    "conversation.id",
    "http.request.method",
    "http.route",
    "llm.purpose",
    "gen_ai.request.model",
];
/// The longest error text that is sent, in characters.
const MOST_ERROR: usize = 500;
/// How often the same error is sent in a minute: an unreachable database fails every request.
const MOST_A_MINUTE: u32 = 5;
const MINUTE: Duration = Duration::from_secs(60);
/// How long sending one event may take. It happens in the background.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);

/// A Sentry project.
#[derive(Clone)]
pub(super) struct Sentry(Arc<Client>);

impl Sentry {
    /// The project of the settings, if there is one.
    ///
    /// # Errors
    /// When the DSN can't be read, or when there are no root certificates for `https`.
    pub(super) fn new(config: &TelemetryConfig) -> anyhow::Result<Option<Self>> {
        let Some(dsn) = config.dsn()? else { return Ok(None) };
        let mut http = reqwest::Client::builder().timeout(SEND_TIMEOUT).redirect(reqwest::redirect::Policy::none());
        if dsn.scheme() == Scheme::Http {
            // Spares loading root certificates, which a small image may not have.
            http = http.no_proxy().tls_certs_only([]);
        }
        let http = http.build().context(
            "SENTRY_DSN can't be used; for an https address the machine needs root certificates (ca-certificates)",
        )?;
        let mut options = ClientOptions::new()
            .release(concat!(env!("CARGO_PKG_NAME"), "@", env!("CARGO_PKG_VERSION")))
            .environment(match config.app_env {
                AppEnv::Development => "development",
                AppEnv::Production => "production",
            })
            .default_integrations(false)
            .send_default_pii(false);
        options.dsn = Some(dsn);
        options.server_name = Some(host_name()).filter(|name| !name.is_empty()).map(Into::into);
        options.transport = Some(Arc::new(Sender(http)));
        Ok(Some(Self(Arc::new(Client::with_options(options)))))
    }

    /// Sends what is logged as an error.
    pub(super) fn layer(&self) -> BoxedLayer {
        let wanted = |metadata: &Metadata<'_>| {
            is_own_span(metadata)
                || (metadata.is_event()
                    && *metadata.level() == tracing::Level::ERROR
                    && is_own(metadata)
                    && metadata.target() != STUDENT_TEXT)
        };
        ErrorLayer { sentry: self.clone(), limiter: Limiter::default() }.with_filter(filter(wanted)).boxed()
    }

    /// Sends the error that ended the program.
    pub(super) fn report_exit(&self, error: &anyhow::Error) {
        let exception = Exception {
            ty: "the program ended".to_owned(),
            value: Some(cut(&format!("{error:#}"))),
            ..Exception::default()
        };
        let event = Event { level: Level::Fatal, exception: vec![exception].into(), ..Event::default() };
        self.0.capture_event(event, None);
    }

    /// Waits until the queued events are sent, for `timeout` at most.
    pub(super) fn flush(&self, timeout: Duration) {
        let (sender, done) = mpsc::channel();
        let client = self.0.clone();
        // In a thread of its own, since even the request to flush blocks while the queue is full.
        thread::spawn(move || {
            client.flush(Some(timeout));
            let _ = sender.send(());
        });
        let _ = done.recv_timeout(timeout);
    }
}

impl fmt::Debug for Sentry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sentry")
    }
}

/// Sends with our client, which has a time limit and our kind of certificates.
struct Sender(reqwest::Client);

impl TransportFactory for Sender {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        Arc::new(ReqwestHttpTransportOptions::from(options).with_client(self.0.clone()).build())
    }
}

struct ErrorLayer {
    sentry: Sentry,
    limiter: Limiter,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for ErrorLayer {
    fn on_event(&self, event: &tracing::Event<'_>, context: Context<'_, S>) {
        let Some(held_back) = self.limiter.admit(event.metadata().callsite(), Instant::now()) else { return };
        let around = Fields::of_spans(context.event_scope(event));
        self.sentry
            .0
            .capture_event(to_sentry_event(event.metadata(), Fields::of_event(event), &around, held_back), None);
    }
}

/// Converts a logged error to an event of Sentry.
fn to_sentry_event(
    metadata: &Metadata<'_>,
    Fields(mut own): Fields,
    Fields(around): &Fields,
    held_back: u32,
) -> Event<'static> {
    let message = own.remove("message").map(plain).unwrap_or_default();
    let error = own.remove("error").map(plain);
    // The same sentence from the same part is the same fault, whatever ids the error names.
    let mut fingerprint = vec![metadata.target().to_owned().into(), message.clone().into()];
    fingerprint.extend(own.get("panic.place").and_then(Value::as_str).map(|place| place.to_owned().into()));
    if held_back > 0 {
        own.insert("held_back".to_owned(), held_back.into());
    }
    let tag = |name: &str| around.get(name).map(|value| (name.to_owned(), plain(value.clone())));
    let mut event = Event {
        level: Level::Error,
        logger: Some(metadata.target().to_owned()),
        fingerprint: fingerprint.into(),
        tags: TAGS.into_iter().filter_map(tag).collect(),
        extra: own.into_iter().collect(),
        ..Event::default()
    };
    match error {
        Some(error) => {
            let exception = Exception { ty: message, value: Some(cut(&error)), ..Exception::default() };
            event.exception = vec![exception].into();
        }
        None => event.message = Some(message),
    }
    event
}

fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        value => value.to_string(),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_ERROR).collect()
}

/// Limits the events of each place in the source to a few a minute.
#[derive(Default)]
struct Limiter(Mutex<HashMap<Identifier, Minute>>);

struct Minute {
    began: Instant,
    sent: u32,
    held_back: u32,
}

impl Limiter {
    /// How many were held back since the last one that was sent, if this one may be.
    fn admit(&self, place: Identifier, now: Instant) -> Option<u32> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = places.entry(place).or_insert(Minute { began: now, sent: 0, held_back: 0 });
        if now.duration_since(minute.began) >= MINUTE {
            (minute.began, minute.sent) = (now, 0);
        }
        if minute.sent >= MOST_A_MINUTE {
            minute.held_back = minute.held_back.saturating_add(1);
            return None;
        }
        minute.sent += 1;
        Some(std::mem::take(&mut minute.held_back))
    }
}

#[cfg(test)]
mod tests {
    use tracing::Callsite as _;

    use super::*;

    #[test]
    fn an_error_is_sent_a_few_times_a_minute_and_then_says_how_often_it_was_held_back() {
        let here = tracing::callsite! { name: "here", kind: tracing::metadata::Kind::EVENT, fields: };
        let there = tracing::callsite! { name: "there", kind: tracing::metadata::Kind::EVENT, fields: };
        let (limiter, began) = (Limiter::default(), Instant::now());
        let at = |place: Identifier, seconds| limiter.admit(place, began + Duration::from_secs(seconds));
        let here = here.metadata().callsite();
        for second in 0..u64::from(MOST_A_MINUTE) {
            assert_eq!(at(here.clone(), second), Some(0));
        }
        assert_eq!((at(here.clone(), 30), at(here.clone(), 59)), (None, None));
        assert_eq!(at(there.metadata().callsite(), 59), Some(0), "another error has its own count");
        assert_eq!((at(here.clone(), 60), at(here, 61)), (Some(2), Some(0)));
    }
}
