//! What the server said when it last refused a request, for an operator who asks. Off unless asked for: servers repeat
//! what they are sent, so a student's words may be in it.

use super::fault::{Fault, Scrub};
use std::sync::{Mutex, PoisonError};

/// The server's last refusal, if it is kept.
#[derive(Debug, Default)]
pub(super) struct LastRefusal(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    is_on: bool,
    sentence: Option<String>,
}

impl LastRefusal {
    /// Keeps refusals from now on.
    pub(super) fn keep(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_on = true;
    }

    /// Keeps what the server said, without the key.
    pub(super) fn note(&self, fault: &Fault, scrub: &Scrub) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !kept.is_on {
            return;
        }
        let sentence = fault.refusal.as_ref().map_or(&fault.detail, |refusal| &refusal.complaint.message);
        kept.sentence = Some(scrub.clean(sentence.trim())).filter(|sentence| !sentence.is_empty());
    }

    /// The last sentence; it is given out once.
    pub(super) fn take(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sentence.take()
    }
}
