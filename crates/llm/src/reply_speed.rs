//! How quickly a model writes whole replies. It decides whether a reply that nobody follows is requested without a stream.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A model that wrote its last reply within this time is asked for the next one without a stream. Proxies close a silent
/// connection much later, usually after 60 seconds.
const QUICK: Duration = Duration::from_secs(15);

/// What is known about one model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speed {
    Quick,
    Slow,
    /// The server refuses requests without a stream.
    StreamsOnly,
}

/// The speed of each model. Models come from the settings or an allow-list, so the map stays small.
#[derive(Debug, Default)]
pub(super) struct ReplySpeeds(Mutex<HashMap<String, Speed>>);

impl ReplySpeeds {
    /// Whether the next reply may be requested without a stream.
    pub(super) fn is_quick(&self, model: &str) -> bool {
        self.lock().get(model) == Some(&Speed::Quick)
    }

    /// Records how long a reply took.
    pub(super) fn record(&self, model: &str, took: Duration) {
        self.set(model, if took <= QUICK { Speed::Quick } else { Speed::Slow });
    }

    /// Records that no reply came in time.
    pub(super) fn record_timeout(&self, model: &str) {
        self.set(model, Speed::Slow);
    }

    /// Records that the server refused a request that differs from an accepted one only by having no stream.
    pub(super) fn record_refusal(&self, model: &str) {
        self.lock().insert(model.to_owned(), Speed::StreamsOnly);
    }

    /// Forgets everything, because another server may have taken the place of this one.
    pub(super) fn forget(&self) {
        self.lock().clear();
    }

    fn set(&self, model: &str, speed: Speed) {
        let mut speeds = self.lock();
        match speeds.get_mut(model) {
            Some(Speed::StreamsOnly) => {}
            Some(known) => *known = speed,
            None => _ = speeds.insert(model.to_owned(), speed),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Speed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_model_that_was_quick_is_asked_without_a_stream() {
        let speeds = ReplySpeeds::default();
        assert!(!speeds.is_quick("m"));
        speeds.record("m", QUICK);
        assert!(speeds.is_quick("m") && !speeds.is_quick("other"));
        speeds.record("m", QUICK + Duration::from_millis(1));
        assert!(!speeds.is_quick("m"));
        speeds.record("m", Duration::ZERO);
        speeds.record_timeout("m");
        assert!(!speeds.is_quick("m"));
        speeds.record_refusal("m");
        speeds.record("m", Duration::ZERO);
        assert!(!speeds.is_quick("m"), "a server that wants streams stays one");
        speeds.forget();
        speeds.record("m", Duration::ZERO);
        assert!(speeds.is_quick("m"));
    }
}
