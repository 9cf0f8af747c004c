//! What every dimension looks at: the message, made ready once.

use std::collections::HashMap;

use super::{
    Asked,
    cues::{self, ASK, QUESTION, WISH},
    kind::Kind,
    quotation::{LEVEL_QUOTE_CHARS, cut_between_words},
};
use korean::{
    Text,
    text::{is_jamo, is_letter},
    words::{Word, akin, words},
};
use safety::hints_at_danger;

/// The message and what was said before it, ready to be read.
pub(super) struct MessageAnalysis<'a> {
    pub(super) asked: &'a Asked<'a>,
    pub(super) text: Text<'a>,
    /// The words that carry the meaning.
    pub(super) content: Vec<Word<'a>>,
    /// The sentences that tell something and ask nothing.
    pub(super) told: Vec<&'a str>,
    /// How many sentences ask something.
    pub(super) asking: usize,
    pub(super) kind: Kind,
    /// Whether the message hints that the child may be in danger.
    pub(super) in_danger: bool,
    /// Stems of the question and the answer before, by their first two letters.
    before: HashMap<[char; 2], Vec<&'a str>>,
}

impl<'a> MessageAnalysis<'a> {
    pub(super) fn new(asked: &'a Asked<'a>) -> Self {
        let text = Text::new(asked.message);
        let kind = Kind::of(&text);
        let content: Vec<_> = words(asked.message).filter(|word| cues::is_content(word)).collect();
        let (mut told, mut asking) = (Vec::new(), 0);
        for sentence in sentences(asked.message) {
            if asks(sentence) {
                asking += 1;
            } else if tells(sentence) {
                told.push(sentence);
            }
        }
        let before = asked.previous.iter().flat_map(|p| words(p.question).chain(words(p.answer)));
        let mut by_beginning: HashMap<_, Vec<_>> = HashMap::new();
        for word in before {
            by_beginning.entry(beginning(word.stem)).or_default().push(word.stem);
        }
        let before = by_beginning;
        let in_danger = hints_at_danger(asked.message);
        Self { asked, text, content, told, asking, kind, in_danger, before }
    }

    /// Whether the message asks or requests anything.
    pub(super) fn asks(&self) -> bool {
        self.kind == Kind::Plain && self.asking > 0
    }

    /// The first content word that the question or the answer before speaks of too.
    pub(super) fn shared(&self) -> Option<&'a str> {
        // A bound, so that two long texts of different words cannot make this slow.
        let mut mine = self.content.iter().take(60);
        let said =
            |stem| self.before.get(&beginning(stem)).is_some_and(|old| old.iter().take(60).any(|old| akin(stem, old)));
        mine.find(|word| word.stem.chars().count() > 1 && said(word.stem)).map(|word| word.written)
    }

    /// The first sentence that asks, if it's short enough to quote.
    pub(super) fn question(&self) -> Option<&'a str> {
        let sentence = sentences(self.asked.message).find(|sentence| asks(sentence))?;
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

/// The first two letters of a stem, in lower case. Words that are akin share them.
fn beginning(stem: &str) -> [char; 2] {
    let mut chars = stem.chars().map(|c| c.to_ascii_lowercase());
    [chars.next().unwrap_or(' '), chars.next().unwrap_or(' ')]
}

/// Whether a sentence asks or requests something.
pub(super) fn asks(sentence: &str) -> bool {
    let text = Text::new(sentence);
    sentence.contains('?') || ASK.is_in(&text) || QUESTION.is_in(&text)
}

/// Whether a sentence tells something: a list of nouns and a mere wish do not.
fn tells(sentence: &str) -> bool {
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
