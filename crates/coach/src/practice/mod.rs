//! The practice partner: stands in for a model where none is connected, so that the program is worth trying without a
//! key. It knows nothing of any subject and never pretends to. It helps the student to sharpen the question instead.

mod en;
mod intent;
mod ko;

use super::quotation::on_one_line;
use domain::escape_markdown;
use intent::MessageIntent;
use korean::particles::fill;
use safety::hints_at_danger;

/// A message to the practice partner, with its context.
#[derive(Debug, Clone, Copy)]
pub struct PracticeInput<'a> {
    /// What the student studies.
    pub topic: &'a str,
    /// The exchanges so far, the oldest first: each question with the partner's answer.
    pub history: &'a [(String, String)],
    /// What the student wrote now.
    pub message: &'a str,
    /// Whether to answer in English instead of Korean.
    pub english: bool,
}

/// The partner's texts in one language. Placeholders: `{it}` the student's words, `{topic}` the topic.
struct Lines {
    /// The beginning of the first reply: no model is connected.
    practice_mode: &'static str,
    /// Reactions to a message, by its intent.
    reactions: fn(MessageIntent) -> [&'static str; 3],
    /// Suggestions for how to go on, each with one question at the end. One per turn, in order.
    frames: [&'static str; 6],
    /// The reply to a child who may be in danger; ends with a question.
    care: [&'static str; 3],
}

/// The partner's reply, as Markdown of a few short lines that end with a question. The same input always gives the
/// same reply; no two of six turns in a row are the same.
#[must_use]
pub fn reply(input: &PracticeInput<'_>) -> String {
    let lines = if input.english { &en::LINES } else { &ko::LINES };
    let turn = input.history.len();
    let mut paragraphs: Vec<String> = Vec::with_capacity(4);
    if turn == 0 {
        paragraphs.push(lines.practice_mode.to_owned());
    }
    if hints_at_danger(input.message) {
        paragraphs.push(lines.care[turn % lines.care.len()].to_owned());
        return paragraphs.join("\n\n");
    }
    let (intent, it) = intent::read(input.message, input.topic, turn > 0);
    let topic = escape_markdown(&on_one_line(input.topic));
    // Without a keyword in this message, uses one of an earlier message, or the topic.
    let before = || input.history.iter().rev().take(6).find_map(|(question, _)| intent::keyword(question));
    let it = it.or_else(before).unwrap_or_else(|| topic.clone());
    let values = [("it", it.as_str()), ("topic", topic.as_str())];
    let options = (lines.reactions)(intent);
    // The choice also depends on the length of the message, so that two students next to each other read different texts.
    let offset = input.message.chars().count();
    paragraphs.push(fill(options[(turn + offset) % options.len()], &values));
    // One per turn, so that six consecutive turns differ whatever the student writes.
    paragraphs.push(fill(lines.frames[turn % lines.frames.len()], &values));
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests;
