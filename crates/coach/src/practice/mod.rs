//! The practice partner: stands in for a model where none is connected, so that the program is worth trying without a
//! key. It knows nothing of any subject and never pretends to. It helps the student to sharpen the question instead.

mod en;
mod ko;
mod take;

use super::quotation::on_one_line;
use domain::escape_markdown;
use korean::particles::fill;
use safety::hints_at_danger;
use take::Take;

/// What the partner has to go by.
#[derive(Debug, Clone, Copy)]
pub struct Lesson<'a> {
    /// What the student studies.
    pub topic: &'a str,
    /// What was said so far: each question with our answer, the oldest first.
    pub history: &'a [(String, String)],
    /// What the student wrote now.
    pub message: &'a str,
    /// Whether to answer in English instead of Korean.
    pub english: bool,
}

/// What the partner can say in one language. Places: `{it}` the student's words, `{topic}` the topic.
struct Lines {
    /// Said once, in the first reply: no model is connected.
    practice_mode: &'static str,
    /// How a message is taken up, by its sort.
    take_up: fn(Take) -> [&'static str; 3],
    /// Ways to think on, each closed by one question. One a turn, in turn.
    frames: [&'static str; 6],
    /// Said before anything else to a child who may be in danger; ends with a question.
    care: [&'static str; 3],
}

/// The partner's reply, as Markdown of a few short lines that end with a question. The same lesson always gives the
/// same reply; no two of six turns in a row are the same.
#[must_use]
pub fn reply(lesson: &Lesson<'_>) -> String {
    let lines = if lesson.english { &en::LINES } else { &ko::LINES };
    let turn = lesson.history.len();
    let mut paragraphs: Vec<String> = Vec::with_capacity(4);
    if turn == 0 {
        paragraphs.push(lines.practice_mode.to_owned());
    }
    if hints_at_danger(lesson.message) {
        paragraphs.push(lines.care[turn % lines.care.len()].to_owned());
        return paragraphs.join("\n\n");
    }
    let (take, it) = take::read(lesson.message, lesson.topic, turn > 0);
    let topic = escape_markdown(&on_one_line(lesson.topic));
    // Where these words give nothing to hold on to, those before do, or the topic.
    let before = || lesson.history.iter().rev().take(6).find_map(|(question, _)| take::keyword(question));
    let it = it.or_else(before).unwrap_or_else(|| topic.clone());
    let values = [("it", it.as_str()), ("topic", topic.as_str())];
    let options = (lines.take_up)(take);
    // The length of the message stirs the choice, so that two students side by side read different words.
    let stir = lesson.message.chars().count();
    paragraphs.push(fill(options[(turn + stir) % options.len()], &values));
    // One frame a turn, so that six turns in a row differ whatever the student writes.
    paragraphs.push(fill(lines.frames[turn % lines.frames.len()], &values));
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests;
