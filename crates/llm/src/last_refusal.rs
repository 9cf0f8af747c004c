//! What the server said when it last refused a request, for an operator who asks. Off unless asked for: servers repeat
//! what they are sent, so a student's words may be in it.

use super::fault::{Fault, Scrub};
use std::sync::{Mutex, PoisonError};

/// The server's last refusal, if it is state.
#[derive(Debug, Default)]
pub(super) struct LastRefusal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_on: bool,
    sentence: Option<String>,
}

impl LastRefusal {
    /// Keeps refusals from now on.
    pub(super) fn enable(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_on = true;
    }

    /// Keeps what the server said, without the key.
    pub(super) fn record(&self, fault: &Fault, scrub: &Scrub) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.is_on {
            return;
        }
        let sentence = fault.refusal.as_ref().map_or(&fault.detail, |refusal| &refusal.error_body.message);
        state.sentence = Some(scrub.clean(sentence.trim())).filter(|sentence| !sentence.is_empty());
    }

    /// The last sentence; it is given out once.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sentence.take()
    }
}
