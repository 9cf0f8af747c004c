//! Feedback as models really write it, read into [`Feedback`] or refused.
//!
//! Understood are JSON in all its half-broken forms and the four-section Markdown. What cannot be vouched for is left
//! out; if one of the three prose parts is missing, all is refused, because nothing is invented in the model's name.

mod json;
mod labels;
mod quote;
mod sections;
#[cfg(test)]
mod tests;

use domain::feedback::{Dim, DimId, Feedback, Source, TopicFit, to_markdown};

use crate::reply::{questions::three_questions, text::plain_text, without_thoughts};

/// Most bytes of a reply that are read; 800 tokens are far less.
const REPLY_MAX_BYTES: usize = 64 * 1024;
/// Most characters of each of the three prose parts: two long sentences.
const PART_MAX_CHARS: usize = 400;
/// Most characters of a dimension's reason.
const WHY_MAX_CHARS: usize = 160;

/// A reply as it stands, nothing checked.
#[derive(Debug, Default)]
struct Draft {
    strengths: String,
    improvements: String,
    next_steps: String,
    questions: Vec<String>,
    dims: Vec<DraftDim>,
    topic: Option<TopicFit>,
}

#[derive(Debug)]
struct DraftDim {
    id: DimId,
    level: Option<u8>,
    evidence: String,
    why: String,
}

/// Reads the tutor's reply to `message`. `fill` gives three questions for those that are missing.
///
/// What comes out holds, whatever went in:
/// - the three prose parts are plain text, not empty, at most 400 characters, and the model's own;
/// - there are exactly three distinct questions of at most 200 characters;
/// - each dimension comes at most once, in rubric order, with a level of 0 to 3 or `null`. Its quote is an exact
///   substring of `message`; a level above 0 without such a quote drops the whole entry;
/// - `followup` is `null` on a first message;
/// - `topic` says what the relevance entry says. Without such an entry it is the model's own word for it, else `on`:
///   the reading that reproaches nobody.
///
/// `None` if the reply is anything else: an apology, an error text, half a note.
#[must_use]
pub fn read_feedback(
    text: &str,
    message: &str,
    is_first: bool,
    fill: impl FnOnce() -> [String; 3],
) -> Option<Feedback> {
    let text = &without_thoughts(text);
    let text = &text[..text.floor_char_boundary(REPLY_MAX_BYTES)];
    // The last one counts: models draft, then write.
    let whole = json::drafts(text).filter(Draft::has_all_parts).last();
    // One object for each part.
    let merged = || json::drafts(text).reduce(Draft::merge).filter(Draft::has_all_parts);
    let draft = whole.or_else(merged).or_else(|| sections::draft(text).filter(Draft::has_all_parts))?;
    let strengths = plain_text(&draft.strengths, PART_MAX_CHARS);
    let improvements = plain_text(&draft.improvements, PART_MAX_CHARS);
    let next_steps = plain_text(&draft.next_steps, PART_MAX_CHARS);
    let suggested_questions = Vec::from(three_questions(&draft.questions, Some(message), fill)?);
    let stated = draft.dims.iter().find(|dim| dim.id == DimId::Relevance).and_then(|dim| dim.level);
    let dims: Vec<Dim> = DimId::ALL
        .into_iter()
        .filter_map(|id| dim(draft.dims.iter().find(|dim| dim.id == id)?, message, is_first))
        .collect();
    Some(Feedback {
        raw_feedback: to_markdown(&strengths, &improvements, &next_steps, &suggested_questions),
        strengths,
        improvements,
        next_steps,
        suggested_questions,
        source: Source::Model,
        topic: stated.map(TopicFit::of_relevance).or(draft.topic).unwrap_or(TopicFit::On),
        dims,
    })
}

/// Whether a reply holds a JSON object, be it a note or not.
#[must_use]
pub fn is_json(text: &str) -> bool {
    let text = without_thoughts(text);
    json::drafts(&text[..text.floor_char_boundary(REPLY_MAX_BYTES)]).next().is_some()
}

/// One dimension, if it can be vouched for.
fn dim(draft: &DraftDim, message: &str, is_first: bool) -> Option<Dim> {
    let level = draft.level.filter(|_| !(is_first && draft.id == DimId::Followup));
    let quote = match level {
        None => String::new(),
        Some(0) => quote::find(message, &draft.evidence).unwrap_or_default().to_owned(),
        Some(_) => quote::find(message, &draft.evidence)?.to_owned(),
    };
    Some(Dim { id: draft.id, level, quote, why: plain_text(&draft.why, WHY_MAX_CHARS) })
}

impl Draft {
    /// This draft with the parts of a later one that it lacks.
    fn merge(mut self, later: Self) -> Self {
        for (part, later) in [
            (&mut self.strengths, later.strengths),
            (&mut self.improvements, later.improvements),
            (&mut self.next_steps, later.next_steps),
        ] {
            if part.is_empty() {
                *part = later;
            }
        }
        self.questions.extend(later.questions);
        self.dims.extend(later.dims);
        self.topic = self.topic.or(later.topic);
        self
    }

    fn has_all_parts(&self) -> bool {
        [&self.strengths, &self.improvements, &self.next_steps]
            .iter()
            .all(|part| !plain_text(part, PART_MAX_CHARS).is_empty() && labels::part(part).is_none())
    }
}
