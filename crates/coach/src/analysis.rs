//! The message, analysed once for all dimensions.

use std::collections::HashMap;

use super::{
    CoachInput,
    cues::{self, ASK, QUESTION, WISH},
    kind::Kind,
    quotation::{LEVEL_QUOTE_CHARS, cut_between_words},
};
use korean::{
    Text,
    text::{is_jamo, is_letter},
    words::{Word, are_related, words},
};
use safety::hints_at_danger;

/// A message and the exchange before it, split into words and sentences.
pub(super) struct MessageAnalysis<'a> {
    pub(super) asked: &'a CoachInput<'a>,
    pub(super) text: Text<'a>,
    /// The words that carry the meaning.
    pub(super) content: Vec<Word<'a>>,
    /// The sentences that state something and ask nothing.
    pub(super) statements: Vec<&'a str>,
    /// The number of sentences that ask something.
    pub(super) question_count: usize,
    pub(super) kind: Kind,
    /// Whether the message hints that the child may be in danger.
    pub(super) in_danger: bool,
    /// Stems of the question and the answer before, by their first two letters.
    before: HashMap<[char; 2], Vec<&'a str>>,
}

impl<'a> MessageAnalysis<'a> {
    pub(super) fn new(asked: &'a CoachInput<'a>) -> Self {
        let text = Text::new(asked.message);
        let kind = Kind::of(&text);
        let content: Vec<_> = words(asked.message).filter(|word| cues::is_content(word)).collect();
        let (mut statements, mut question_count) = (Vec::new(), 0);
        for sentence in sentences(asked.message) {
            if is_question(sentence) {
                question_count += 1;
            } else if is_statement(sentence) {
                statements.push(sentence);
            }
        }
        let before = asked.previous.iter().flat_map(|p| words(p.question).chain(words(p.answer)));
        let mut by_beginning: HashMap<_, Vec<_>> = HashMap::new();
        for word in before {
            by_beginning.entry(beginning(word.stem)).or_default().push(word.stem);
        }
        let before = by_beginning;
        let in_danger = hints_at_danger(asked.message);
        Self { asked, text, content, statements, question_count, kind, in_danger, before }
    }

    /// Whether the message asks or requests anything.
    pub(super) fn is_question(&self) -> bool {
        self.kind == Kind::Plain && self.question_count > 0
    }

    /// The first content word that the previous question or answer also contains.
    pub(super) fn shared_word(&self) -> Option<&'a str> {
        // A bound, so that two long texts of different words cannot make this slow.
        let mut mine = self.content.iter().take(60);
        let is_in_previous = |stem| {
            self.before.get(&beginning(stem)).is_some_and(|old| old.iter().take(60).any(|old| are_related(stem, old)))
        };
        mine.find(|word| word.stem.chars().count() > 1 && is_in_previous(word.stem)).map(|word| word.written)
    }

    /// The first sentence that asks, if it's short enough to quote.
    pub(super) fn question(&self) -> Option<&'a str> {
        let sentence = sentences(self.asked.message).find(|sentence| is_question(sentence))?;
        let sentence = sentence.trim_matches(|c: char| !is_letter(c));
        (!sentence.is_empty() && sentence.chars().count() <= 32).then_some(sentence)
    }

    /// The beginning of the message, for a level that rests on all of it.
    pub(super) fn opening(&self) -> &'a str {
        let message = self.asked.message;
        let sentence = sentences(message).next().unwrap_or(message);
        let from = sentence.find(is_letter).unwrap_or(0);
        let sentence = &sentence[from..];
        if sentence.chars().count() <= LEVEL_QUOTE_CHARS {
            return sentence.trim_end_matches(['.', ',', '!']);
        }
        cut_between_words(sentence, LEVEL_QUOTE_CHARS)
    }
}

/// The first two letters of a stem, in lower case. Related words share them.
fn beginning(stem: &str) -> [char; 2] {
    let mut chars = stem.chars().map(|c| c.to_ascii_lowercase());
    [chars.next().unwrap_or(' '), chars.next().unwrap_or(' ')]
}

/// Whether a sentence asks or requests something.
pub(super) fn is_question(sentence: &str) -> bool {
    let text = Text::new(sentence);
    sentence.contains('?') || ASK.is_in(&text) || QUESTION.is_in(&text)
}

/// Whether a sentence states something. A list of nouns or a wish alone does not.
fn is_statement(sentence: &str) -> bool {
    let end = sentence.trim_end_matches(|c: char| !is_letter(c) || is_jamo(c));
    let predicate = end.ends_with(['요', '다', '죠', '네', '음', '함', '임', '어', '아', '해', '지', '야', '데']);
    let english = end.ends_with(|c: char| c.is_ascii_alphanumeric()) && end.split_whitespace().count() >= 3;
    (predicate && !WISH.is_in(&Text::new(sentence)) || english) && words(sentence).filter(cues::is_content).count() >= 2
}

/// The sentences of a text. A point inside a number or a date ends none.
pub(super) fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start();
            if rest.is_empty() {
                return None;
            }
            let end = rest
                .char_indices()
                .find(|&(at, c)| {
                    let after = at + c.len_utf8();
                    c == '\n'
                        || (matches!(c, '.' | '?' | '!' | '…' | '~' | 'ㅠ' | 'ㅜ' | 'ㅋ' | 'ㅎ')
                            && rest[after..].chars().next().is_none_or(|next| next.is_whitespace()))
                })
                .map_or(rest.len(), |(at, c)| at + c.len_utf8());
            let (sentence, after) = rest.split_at(end);
            rest = after;
            let sentence = sentence.trim();
            if sentence.chars().any(|c| is_letter(c) && !is_jamo(c)) {
                return Some(sentence);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_inside_a_date_ends_no_sentence() {
        let text = "3.1 운동은 왜요? ㅠㅠ 5.18은... 어때요";
        assert_eq!(sentences(text).collect::<Vec<_>>(), ["3.1 운동은 왜요?", "5.18은...", "어때요"]);
    }
}
