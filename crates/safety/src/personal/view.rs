//! A message as patterns see it: folded, as one string, with the way back to the bytes of the original.

use std::ops::Range;

use korean::Folded;
use regex::{Captures, Regex};

use super::PersonalKind;

/// Which characters a pattern sees.
pub(super) struct View<'a> {
    folded: &'a Folded,
    /// The folded characters, some of them replaced one by one.
    pub(super) text: String,
    /// Where each character begins in `text`.
    starts: Vec<usize>,
}

impl<'a> View<'a> {
    pub(super) fn new(folded: &'a Folded) -> Self {
        Self::of(folded, folded.chars().iter().copied())
    }

    /// Digits spelt in Hangul (`공일공`) as digits, where three or more stand in a row and seven or more digits in all,
    /// as in a telephone number.
    pub(super) fn with_spelt_digits(folded: &'a Folded) -> Self {
        const FEWEST_IN_A_ROW: usize = 3;
        const FEWEST: usize = 7;
        let chars = folded.chars();
        let spelt: Vec<Option<char>> = (0..chars.len()).map(|at| spelt_digit(chars, at)).collect();
        let mut replaced = chars.to_vec();
        let mut start = 0;
        while start < chars.len() {
            let row = spelt[start..].iter().take_while(|digit| digit.is_some()).count();
            if row >= FEWEST_IN_A_ROW {
                let row = start..start + row;
                replaced[row.clone()].iter_mut().zip(&spelt[row]).for_each(|(c, digit)| *c = digit.unwrap_or(*c));
            }
            start += row.max(1);
        }
        let is_separator = |c: char| " -.,".contains(c) || c == '에';
        let is_number = replaced
            .split(|&c| !c.is_ascii_digit() && !is_separator(c))
            .any(|run| run.iter().filter(|c| c.is_ascii_digit()).count() >= FEWEST);
        if is_number { Self::of(folded, replaced.into_iter()) } else { Self::new(folded) }
    }

    fn of(folded: &'a Folded, chars: impl Iterator<Item = char>) -> Self {
        let (mut text, mut starts) = (String::new(), Vec::new());
        for c in chars {
            starts.push(text.len());
            text.push(c);
        }
        hide_tokens(&mut text);
        Self { folded, text, starts }
    }

    /// The bytes in the original of a range of bytes in `text`, which must not be empty.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let character = |byte| self.starts.partition_point(|&start| start < byte);
        self.folded.bytes(character(range.start)..character(range.end))
    }

    /// Every match of a pattern.
    pub(super) fn matches<'t>(&'t self, pattern: &'t Regex) -> impl Iterator<Item = Captures<'t>> {
        pattern.captures_iter(&self.text)
    }

    /// Matches of a long pattern around the matches of a short one, of which each contains one.
    pub(super) fn near<'t>(&'t self, core: &'t Regex, pattern: &'t Regex) -> impl Iterator<Item = Captures<'t>> {
        const CHARACTERS_AROUND: usize = 40;
        let mut end = 0;
        core.find_iter(&self.text).filter_map(move |core| {
            if core.start() < end {
                return None;
            }
            let before = self.text[end..core.start()].char_indices().rev().nth(CHARACTERS_AROUND - 1);
            let after = self.text[core.end()..].char_indices().nth(CHARACTERS_AROUND);
            let start = before.map_or(end, |(at, _)| end + at);
            let stop = after.map_or(self.text.len(), |(at, _)| core.end() + at);
            let captures = pattern.captures_at(&self.text[..stop], start)?;
            let all = captures.get(0)?.range();
            if all.start > core.start() {
                return None;
            }
            end = all.end;
            Some(captures)
        })
    }

    /// How many digits the text has.
    pub(super) fn digits(&self) -> usize {
        self.text.bytes().filter(u8::is_ascii_digit).count()
    }

    /// The character before and the one after a range of `text`.
    pub(super) fn around(&self, range: &Range<usize>) -> (Option<char>, Option<char>) {
        (self.text[..range.start].chars().next_back(), self.text[range.end..].chars().next())
    }

    /// The sentence around a range of `text`, as far as [`Self::NEAR`] reaches: a text without an end of a sentence is
    /// not read anew for each match.
    pub(super) fn sentence(&self, range: &Range<usize>) -> &str {
        const ENDS: [char; 5] = ['.', '!', '?', '\n', ';'];
        let is_end = |(at, c): (usize, char)| {
            let follows = self.text[at + c.len_utf8()..].chars().next();
            let is_of_number = c == '.' && self.text[..at].ends_with(|before: char| before.is_ascii_digit());
            (ENDS.contains(&c) && !is_of_number && follows.is_none_or(char::is_whitespace)).then_some(at)
        };
        let far = range.start - self.tail(&self.text[..range.start]).len();
        let start = self.text[far..range.start].char_indices().rev().map(|(at, c)| (far + at, c)).find_map(is_end);
        let end = self.text[range.end..].char_indices().take(Self::NEAR).map(|(at, c)| (range.end + at, c));
        let limit = end.clone().last().map_or(range.end, |(at, c)| at + c.len_utf8());
        let end = end.clone().find_map(is_end).unwrap_or(limit);
        &self.text[start.map_or(far, |at| at + 1)..end]
    }

    /// How many characters beside a match are looked at.
    const NEAR: usize = 120;

    /// What stands within [`Self::NEAR`] of a range, sentences or not.
    pub(super) fn near_text(&self, range: &Range<usize>) -> &str {
        let start = range.start - self.tail(&self.text[..range.start]).len();
        let rest = &self.text[range.end..];
        let end = rest.char_indices().nth(Self::NEAR).map_or(rest.len(), |(at, _)| at);
        &self.text[start..range.end + end]
    }

    /// The last characters of a text.
    pub(super) fn tail<'t>(&self, text: &'t str) -> &'t str {
        text.char_indices().rev().nth(Self::NEAR - 1).map_or(text, |(at, _)| &text[at..])
    }

    /// A range of `text` without white space at its ends.
    pub(super) fn trim(&self, range: Range<usize>) -> Range<usize> {
        let text = &self.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        start..start + text.trim().len()
    }
}

/// Hides tokens of covered data: `[전화번호]` is no word that tells of a number. The text keeps its length.
fn hide_tokens(text: &mut String) {
    // Of three bytes in UTF-8, as syllables are.
    const HIDDEN: char = '\u{e000}';
    if !text.contains('[') {
        return;
    }
    for kind in PersonalKind::ALL {
        let hidden: String = kind.token().chars().map(|c| if c.is_ascii() { c } else { HIDDEN }).collect();
        if text.contains(kind.token()) {
            *text = text.replace(kind.token(), &hidden);
        }
    }
}

/// The digit that a syllable spells. 이 before a form of `to be` belongs to that form.
fn spelt_digit(chars: &[char], at: usize) -> Option<char> {
    let is_verb = chars.get(at + 1).is_some_and(|next| "에예야고라며지다요".contains(*next));
    Some(match chars[at] {
        '이' if is_verb => return None,
        '공' | '영' | '○' => '0',
        '일' => '1',
        '이' => '2',
        '삼' => '3',
        '사' => '4',
        '오' => '5',
        '육' | '륙' => '6',
        '칠' => '7',
        '팔' => '8',
        '구' => '9',
        _ => return None,
    })
}
