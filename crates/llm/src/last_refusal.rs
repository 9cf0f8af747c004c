//! The server's text in its last refusal, for `doctor`. Disabled by default: servers repeat the request, so the text may
//! contain student text.

use super::fault::{Fault, KeyRedactor};
use std::sync::{Mutex, PoisonError};

/// The last refusal, once recording is enabled.
#[derive(Debug, Default)]
pub(super) struct LastRefusal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_on: bool,
    sentence: Option<String>,
}

impl LastRefusal {
    /// Records refusals from now on.
    pub(super) fn enable(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_on = true;
    }

    /// Records the server's text without the key.
    pub(super) fn record(&self, fault: &Fault, redactor: &KeyRedactor) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.is_on {
            return;
        }
        let sentence = fault.refusal.as_ref().map_or(&fault.detail, |refusal| &refusal.error_body.message);
        state.sentence = Some(redactor.clean(sentence.trim())).filter(|sentence| !sentence.is_empty());
    }

    /// Returns the last text, once.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sentence.take()
    }
}
