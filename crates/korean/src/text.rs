//! A text made ready for matching: no white space, no capitals, and the way back to the original words.

use std::ops::Range;

/// One visible character of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    /// The character, in lower case if it is Latin.
    pub(super) ch: char,
    /// Its place in the original, in bytes.
    pub(super) at: usize,
    /// Whether a word begins here.
    pub(super) opens: bool,
    /// Whether a word ends here.
    pub(super) closes: bool,
}

/// A text ready for matching. Students often write without spaces, or with them where none belong, so spaces only
/// mark where words begin and end.
#[derive(Debug)]
pub struct Text<'a> {
    original: &'a str,
    pub(super) letters: Vec<Letter>,
}

#[derive(PartialEq, Clone, Copy)]
enum Script {
    Hangul,
    Latin,
    Digit,
    Other,
}

fn script(c: char) -> Script {
    match c {
        '가'..='힣' | 'ㄱ'..='ㅣ' => Script::Hangul,
        '0'..='9' => Script::Digit,
        c if c.is_alphabetic() => Script::Latin,
        _ => Script::Other,
    }
}

impl<'a> Text<'a> {
    /// Reads an NFC text in one pass.
    #[must_use]
    pub fn new(original: &'a str) -> Self {
        let mut letters: Vec<Letter> = Vec::with_capacity(original.len() / 2);
        let mut before = None;
        for (at, c) in original.char_indices() {
            if c.is_whitespace() {
                before = None;
                continue;
            }
            let script = script(c);
            let opens = script == Script::Other || before != Some(script);
            if opens && let Some(last) = letters.last_mut() {
                last.closes = true;
            }
            letters.push(Letter { ch: c.to_ascii_lowercase(), at, opens, closes: false });
            before = Some(script);
        }
        if let Some(last) = letters.last_mut() {
            last.closes = true;
        }
        Self { original, letters }
    }

    /// The text as it was written.
    #[must_use]
    pub fn original(&self) -> &'a str {
        self.original
    }

    /// The bytes in the original of the letters `from..to`.
    pub(super) fn bytes(&self, from: usize, to: usize) -> Range<usize> {
        let end = self.letters[to - 1];
        self.letters[from].at..end.at + self.original[end.at..].chars().next().map_or(0, char::len_utf8)
    }

    /// The words around `range` and, where those are few, the ones that go with them: in Korean what leads up to
    /// them, in English what follows. Stays within a clause.
    #[must_use]
    pub fn phrase(&self, range: Range<usize>) -> &'a str {
        const ENOUGH: usize = 11;
        let mut phrase = self.widen(range);
        let korean = phrase.chars().any(is_syllable);
        while phrase.chars().count() < ENOUGH {
            let start = phrase.as_ptr() as usize - self.original.as_ptr() as usize;
            let end = start + phrase.len();
            let (from, to) = if korean {
                let before = self.original[..start].trim_end_matches(' ');
                (before.rfind(|c: char| !is_letter(c) || is_jamo(c)).map_or(0, |at| at + self.width(at)), end)
            } else {
                let after = &self.original[end..];
                let word = after.trim_start_matches(' ');
                let gap = after.len() - word.len();
                let more = word.find(|c: char| !c.is_alphanumeric() && c != '\'').unwrap_or(word.len());
                (start, end + if more == 0 { 0 } else { gap + more })
            };
            let wider = self.original[from..to].trim();
            if wider.len() <= phrase.len() || wider.chars().count() > 48 {
                break;
            }
            phrase = wider;
        }
        phrase
    }

    fn width(&self, at: usize) -> usize {
        self.original[at..].chars().next().map_or(1, char::len_utf8)
    }

    /// The words around `range`, without the punctuation at their edges; `range` itself where they'd be longer than
    /// a student would underline (48 characters).
    #[must_use]
    pub fn widen(&self, range: Range<usize>) -> &'a str {
        let start = self.original[..range.start]
            .char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8());
        let end = self.original[range.end..].find(char::is_whitespace).map_or(self.original.len(), |n| range.end + n);
        let wide = self.original[start..end].trim_matches(|c: char| !is_letter(c));
        if wide.is_empty() || wide.chars().count() > 48 { &self.original[range] } else { wide }
    }
}

/// Whether `c` is a letter or a digit. Most are Hangul or ASCII, which are recognised without the Unicode tables.
#[must_use]
pub fn is_letter(c: char) -> bool {
    is_syllable(c) || c.is_ascii_alphanumeric() || !c.is_ascii() && c.is_alphanumeric()
}

/// Whether `c` is a letter of Hangul, as a syllable.
#[must_use]
pub fn is_syllable(c: char) -> bool {
    matches!(c, '가'..='힣')
}

/// Whether `c` is a lone consonant or vowel of Hangul, as in ㅋㅋ.
#[must_use]
pub fn is_jamo(c: char) -> bool {
    matches!(c, 'ㄱ'..='ㅣ' | '\u{1100}'..='\u{11ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_to_the_original_words() {
        let text = Text::new("  Hi, 하늘은 왜? ");
        let hangul = text.letters.iter().position(|l| l.ch == '하').unwrap();
        assert_eq!(&text.original()[text.bytes(hangul, hangul + 2)], "하늘");
        assert_eq!(text.widen(text.bytes(hangul, hangul + 1)), "하늘은");
    }

    #[test]
    fn a_phrase_takes_in_what_goes_with_a_word_but_no_other_clause() {
        let text = Text::new("물이 끓어요, 콩나물을 키워 봤는데 노래요");
        let at = text.original().find("봤").unwrap();
        assert_eq!(text.phrase(at..at + 3), "콩나물을 키워 봤는데");
        let first = text.original().find("콩").unwrap();
        assert_eq!(text.phrase(first..first + 3), "콩나물을");
        let english = Text::new("Why did the Roman Empire fall?");
        assert_eq!(english.phrase(0..3), "Why did the");
    }

    #[test]
    fn words_open_and_close_at_spaces_marks_and_scripts() {
        let text = Text::new("AI가 좋아");
        let opens: Vec<_> = text.letters.iter().filter(|l| l.opens).map(|l| l.ch).collect();
        assert_eq!(opens, ['a', '가', '좋']);
    }
}
