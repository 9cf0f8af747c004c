//! Finds many phrases in one pass over a text.
//!
//! Lists are written with `|` or line breaks between phrases. Spaces in a phrase don't matter. `^` at the front asks
//! for the beginning of a word, `$` at the end for its end, particles aside. `#` stands for a number. A phrase of Latin
//! letters is whole words by itself unless it ends in `*`. A bare Korean phrase of one syllable is a whole word too.
//! `!` at the front marks a phrase to pass over: `왜구` is no `왜`.

use std::{collections::BTreeMap, ops::Range};

use super::{
    numbers,
    text::{Text, is_syllable},
    words,
};

/// A list of phrases, indexed by first letter.
#[derive(Debug)]
pub struct Phrases {
    /// One bit for each first letter, to pass over most letters of a text without a look-up.
    firsts: [u64; 4],
    /// Sorted by first letter.
    by_first: Vec<(char, Vec<Phrase>)>,
}

#[derive(Debug)]
struct Phrase {
    letters: Vec<char>,
    opens: bool,
    closes: bool,
    skip: bool,
}

/// A number of letters, and whether they are to be passed over.
type Length = (usize, bool);

/// Where a phrase was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its bytes in the original.
    pub range: Range<usize>,
}

impl Phrases {
    /// Reads a list.
    #[must_use]
    pub fn new(list: &str) -> Self {
        let mut by_first: BTreeMap<char, Vec<Phrase>> = BTreeMap::new();
        for entry in list.split(['|', '\n']) {
            let (skip, entry) = match entry.trim().strip_prefix('!') {
                Some(rest) => (true, rest),
                None => (false, entry.trim()),
            };
            let latin = entry.is_ascii() && !entry.contains('#');
            let open_end = entry.ends_with('*');
            let mut letters: Vec<char> =
                entry.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_lowercase()).collect();
            letters.retain(|&c| c != '*');
            let mut opens = latin;
            let mut closes = latin && !open_end;
            if letters.first() == Some(&'^') {
                opens = true;
                letters.remove(0);
            }
            if letters.last() == Some(&'$') {
                closes = true;
                letters.pop();
            }
            if let [only] = letters[..]
                && is_syllable(only)
                && !opens
                && !closes
            {
                (opens, closes) = (true, true);
            }
            if let Some(&first) = letters.first() {
                by_first.entry(first).or_default().push(Phrase { letters, opens, closes, skip });
            }
        }
        let by_first: Vec<_> = by_first.into_iter().collect();
        let mut firsts = [0; 4];
        for (first, _) in &by_first {
            let (slot, bit) = slot(*first);
            firsts[slot] |= bit;
        }
        Self { firsts, by_first }
    }

    /// The first phrase found in the text.
    #[must_use]
    pub fn find(&self, text: &Text<'_>) -> Option<Found> {
        self.iter(text).next()
    }

    /// Whether any phrase is in the text.
    #[must_use]
    pub fn is_in(&self, text: &Text<'_>) -> bool {
        self.find(text).is_some()
    }

    /// The words around the first phrase found, as the student wrote them.
    #[must_use]
    pub fn quote<'a>(&self, text: &Text<'a>) -> Option<&'a str> {
        self.find(text).map(|found| text.phrase(found.range))
    }

    /// Every phrase found, from left to right, the longest at each place, none overlapping another.
    pub fn iter<'t>(&'t self, text: &'t Text<'_>) -> impl Iterator<Item = Found> + 't {
        let mut at = 0;
        std::iter::from_fn(move || {
            while at < text.letters.len() {
                match self.length_at(text, at) {
                    Some((length, true)) => at += length,
                    Some((length, false)) => {
                        let found = Found { range: text.bytes(at, at + length) };
                        at += length;
                        return Some(found);
                    }
                    None => at += 1,
                }
            }
            None
        })
    }

    fn beginning_with(&self, first: char) -> Option<&Vec<Phrase>> {
        let at = self.by_first.binary_search_by_key(&first, |(letter, _)| *letter).ok()?;
        Some(&self.by_first[at].1)
    }

    fn length_at(&self, text: &Text<'_>, at: usize) -> Option<Length> {
        let (word, bit) = slot(text.letters[at].ch);
        let candidates = if self.firsts[word] & bit == 0 { None } else { self.beginning_with(text.letters[at].ch) };
        let plain = candidates.into_iter().flatten().filter_map(|phrase| phrase.length_at(text, at, 0)).max();
        let (word, bit) = slot('#');
        if self.firsts[word] & bit == 0 || !text.letters[at].opens {
            return plain;
        }
        let Some(numbered) = self.beginning_with('#') else { return plain };
        let Some(number) = numbers::length_at(&text.letters, at) else { return plain };
        numbered.iter().filter_map(|phrase| phrase.length_at(text, at, number)).max().max(plain)
    }
}

/// The bit of a letter: its last eight bits choose one of 256.
fn slot(letter: char) -> (usize, u64) {
    let low = letter as usize & 0xff;
    (low / 64, 1 << (low % 64))
}

impl Phrase {
    /// The letters the phrase takes up if it stands at `at`, where a number of `number` letters begins.
    fn length_at(&self, text: &Text<'_>, at: usize, number: usize) -> Option<Length> {
        let letters = &text.letters;
        if self.opens && !letters[at].opens {
            return None;
        }
        let mut end = at;
        for &c in &self.letters {
            if c == '#' {
                end = at + number;
            } else if letters.get(end)?.ch == c {
                end += 1;
            } else {
                return None;
            }
        }
        (end > at && (!self.closes || words::ends_at(letters, end))).then_some((end - at, self.skip))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found<'a>(list: &str, text: &'a str) -> Vec<&'a str> {
        let text = Text::new(text);
        Phrases::new(list).iter(&text).map(|found| &text.original()[found.range]).collect()
    }

    #[test]
    fn spaces_do_not_matter() {
        assert_eq!(found("알려 주세요|왜", "왜 그런지 알려주세요"), ["왜", "알려주세요"]);
        assert_eq!(found("해봤는데", "실험을 해 봤는데"), ["해 봤는데"]);
    }

    #[test]
    fn one_syllable_is_a_whole_word_with_its_particle() {
        assert_eq!(found("빛|별", "빛이 별처럼 빛나요 특별히"), ["빛", "별"]);
    }

    #[test]
    fn english_phrases_are_whole_words() {
        assert_eq!(found("how|compar*", "Show how it compares. Compare"), ["how", "compar", "Compar"]);
        assert_eq!(found("ai", "AI가 said"), ["AI"]);
    }

    #[test]
    fn a_number_stands_before_its_counter() {
        assert_eq!(found("#가지|#개", "세 가지와 3개, 12가지"), ["세 가지", "3개", "12가지"]);
        assert_eq!(found("#번$", "두 번째와 두 번은"), ["두 번"]);
        assert_eq!(found("# step*", "in three steps, often steps"), ["three step"]);
    }

    #[test]
    fn phrases_to_pass_over_hide_what_they_hold() {
        assert_eq!(found("왜|!왜구", "왜구는 왜 왔나요"), ["왜"]);
    }

    #[test]
    fn the_longest_phrase_at_a_place_wins() {
        assert_eq!(found("지구|지구 온난화", "지구온난화는"), ["지구온난화"]);
    }
}
