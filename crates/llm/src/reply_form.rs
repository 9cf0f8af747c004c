//! Models that never write JSON, whatever they are asked: they are asked for prose instead.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How a model is best asked for a structured reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplyForm {
    /// As JSON.
    Json,
    /// As prose: its last replies were.
    Prose,
}

/// Replies in a row that are not JSON, after which prose is asked for.
const MOST_PROSE: u32 = 3;
/// Of the calls from then on, each of this number asks for JSON again: a server may have got another model.
const JSON_AGAIN: u32 = 20;

/// The form of each model's replies. Models come from the settings or an allow-list, so the map stays small.
#[derive(Debug, Default)]
pub(super) struct ReplyForms(Mutex<HashMap<String, Replies>>);

#[derive(Debug, Default)]
struct Replies {
    /// Not JSON, in a row.
    prose: u32,
    /// Calls since prose is asked for.
    calls: u32,
}

impl ReplyForms {
    /// The form to ask for in the next call.
    pub(super) fn next_form(&self, model: &str) -> ReplyForm {
        self.change(model, |replies| {
            if replies.prose < MOST_PROSE {
                return ReplyForm::Json;
            }
            replies.calls += 1;
            if replies.calls.is_multiple_of(JSON_AGAIN) { ReplyForm::Json } else { ReplyForm::Prose }
        })
    }

    /// A reply that was asked for as JSON came as JSON, or didn't.
    pub(super) fn record_reply(&self, model: &str, is_json: bool) {
        self.change(model, |replies| {
            if is_json {
                *replies = Replies::default();
                return;
            }
            replies.prose = replies.prose.saturating_add(1);
            if replies.prose == MOST_PROSE {
                tracing::info!(model, "the model does not write JSON; the tutor asks it for prose from now on");
            }
        });
    }

    /// Forgets every model; another server may have taken the place of the one that was asked.
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
        let forms = ReplyForms::default();
        forms.record_reply("m", false);
        forms.record_reply("m", false);
        forms.record_reply("m", true);
        for _ in 0..3 {
            assert_eq!(forms.next_form("m"), ReplyForm::Json);
            forms.record_reply("m", false);
        }
        let next: Vec<_> = (0..40).map(|_| forms.next_form("m")).collect();
        assert_eq!(next.iter().filter(|form| **form == ReplyForm::Json).count(), 2);
        assert_eq!(next[19], ReplyForm::Json);
        assert_eq!(forms.next_form("other"), ReplyForm::Json);
        forms.record_reply("m", true);
        assert_eq!(forms.next_form("m"), ReplyForm::Json);
    }

    #[test]
    fn another_server_is_asked_for_json_at_first() {
        let forms = ReplyForms::default();
        (0..MOST_PROSE).for_each(|_| forms.record_reply("m", false));
        assert_eq!(forms.next_form("m"), ReplyForm::Prose);
        forms.forget();
        assert_eq!(forms.next_form("m"), ReplyForm::Json);
    }
}
