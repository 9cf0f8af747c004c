//! The view of a turn as a Redis hash with a field for each block, so that a change writes only the blocks it changed.

use std::sync::Arc;

use super::{event::Status, view::Change};
use crate::redis::Fields;

const VERSION: &str = "version";
const STATUS: &str = "status";
const FEEDBACK: &str = "feedback";
const ENDED: &str = "ended";
const THINKING: &str = "thinking";
const WITHDRAWN: &str = "withdrawn";
const BLOCK: &str = "block:";

/// The fields that a change sets. The text is stored under a key of its own.
pub(super) fn fields(change: &Change) -> Vec<(String, String)> {
    let mut fields = vec![(VERSION.to_owned(), change.to.to_string())];
    if let Some(status) = change.status.as_ref().and_then(|status| serde_json::to_string(status).ok()) {
        fields.push((STATUS.to_owned(), status));
    }
    if let Some(json) = &change.feedback {
        fields.push((FEEDBACK.to_owned(), json.as_ref().to_owned()));
    }
    if let Some(thinking) = change.thinking {
        fields.push((THINKING.to_owned(), u8::from(thinking).to_string()));
    }
    if change.withdrawn > 0 {
        fields.push((WITHDRAWN.to_owned(), change.withdrawn.to_string()));
    }
    if change.ended {
        fields.push((ENDED.to_owned(), "1".to_owned()));
    }
    fields.extend(change.blocks.iter().map(|(index, html)| (format!("{BLOCK}{index}"), html.as_ref().to_owned())));
    fields
}

/// The stored view as a change from version 0; `None` if there is none, or if another program wrote it.
pub(super) fn whole(fields: &Fields, text: String) -> Option<Change> {
    let to = fields.get(VERSION)?.parse().ok()?;
    let status: Status = serde_json::from_str(fields.get(STATUS)?).ok()?;
    let mut blocks: Vec<(usize, Arc<str>)> = fields
        .iter()
        .filter_map(|(name, html)| Some((name.strip_prefix(BLOCK)?.parse().ok()?, Arc::from(html.as_str()))))
        .collect();
    blocks.sort_unstable_by_key(|(index, _)| *index);
    // A gap means that another program writes here; blocks after it can't be placed.
    let whole = blocks.iter().enumerate().take_while(|(place, (index, _))| place == index).count();
    blocks.truncate(whole);
    let feedback = fields.get(FEEDBACK).map(|json| Arc::from(json.as_str()));
    let thinking = fields.get(THINKING).map(|word| word == "1");
    let withdrawn = fields.get(WITHDRAWN).and_then(|count| count.parse().ok()).unwrap_or_default();
    let ended = fields.contains_key(ENDED);
    Some(Change { from: 0, to, status: Some(status), text, blocks, feedback, ended, thinking, withdrawn })
}
