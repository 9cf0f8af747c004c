//! Requests prose instead of JSON from models that never write JSON.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The format to ask a model for in a structured reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyFormat {
    /// JSON.
    Json,
    /// Prose, because the model's last replies were prose.
    Prose,
}

/// Consecutive replies that are not JSON, after which prose is requested.
const MAX_PROSE_REPLIES: u32 = 3;
/// Every call with this number requests JSON again, because the server may have another model by then.
const JSON_RETRY_INTERVAL: u32 = 20;

/// The form of each model's replies. Models come from the settings or an allow-list, so the map stays small.
#[derive(Debug, Default)]
pub(super) struct ReplyFormats(Mutex<HashMap<String, Replies>>);

#[derive(Debug, Default)]
struct Replies {
    /// Consecutive replies that are not JSON.
    prose: u32,
    /// Calls since prose is requested.
    calls: u32,
}

impl ReplyFormats {
    /// The format of the next call.
    pub(super) fn next_format(&self, model: &str) -> ReplyFormat {
        self.change(model, |replies| {
            if replies.prose < MAX_PROSE_REPLIES {
                return ReplyFormat::Json;
            }
            replies.calls += 1;
            if replies.calls.is_multiple_of(JSON_RETRY_INTERVAL) { ReplyFormat::Json } else { ReplyFormat::Prose }
        })
    }

    /// Records whether a reply that was requested as JSON is JSON.
    pub(super) fn record_reply(&self, model: &str, is_json: bool) {
        self.change(model, |replies| {
            if is_json {
                *replies = Replies::default();
                return;
            }
            replies.prose = replies.prose.saturating_add(1);
            if replies.prose == MAX_PROSE_REPLIES {
                tracing::info!(model, "the model does not write JSON; the tutor asks it for prose from now on");
            }
        });
    }

    /// Forgets every model, because another server may have taken the place of this one.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn change<T>(&self, model: &str, change: impl FnOnce(&mut Replies) -> T) -> T {
        let mut models = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(models.entry(model.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_replies_in_prose_switch_to_prose_and_json_is_tried_again_now_and_then() {
        let forms = ReplyFormats::default();
        forms.record_reply("m", false);
        forms.record_reply("m", false);
        forms.record_reply("m", true);
        for _ in 0..3 {
            assert_eq!(forms.next_format("m"), ReplyFormat::Json);
            forms.record_reply("m", false);
        }
        let next: Vec<_> = (0..40).map(|_| forms.next_format("m")).collect();
        assert_eq!(next.iter().filter(|form| **form == ReplyFormat::Json).count(), 2);
        assert_eq!(next[19], ReplyFormat::Json);
        assert_eq!(forms.next_format("other"), ReplyFormat::Json);
        forms.record_reply("m", true);
        assert_eq!(forms.next_format("m"), ReplyFormat::Json);
    }

    #[test]
    fn another_server_is_asked_for_json_at_first() {
        let forms = ReplyFormats::default();
        (0..MAX_PROSE_REPLIES).for_each(|_| forms.record_reply("m", false));
        assert_eq!(forms.next_format("m"), ReplyFormat::Prose);
        forms.forget();
        assert_eq!(forms.next_format("m"), ReplyFormat::Json);
    }
}
