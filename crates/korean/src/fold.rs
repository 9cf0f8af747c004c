//! Folds the many ways to write one thing into one, and leads back to the original: full-width forms, capitals, letters
//! that nobody sees, and runs of one character.

use std::ops::Range;

/// A text in which every character has one form.
#[derive(Debug, Clone)]
pub struct Folded {
    chars: Vec<char>,
    /// The bytes of each character in the original. Those of a run that is cut belong to the last one kept.
    places: Vec<Range<usize>>,
}

/// The longest run of one letter or mark that is kept: `ㅠㅠㅠㅠ` becomes `ㅠㅠ`. Digits keep their number.
const LONGEST_RUN: usize = 2;

impl Folded {
    /// Folds an NFC text in one pass.
    #[must_use]
    pub fn new(original: &str) -> Self {
        let mut chars: Vec<char> = Vec::with_capacity(original.len() / 2);
        let mut places: Vec<Range<usize>> = Vec::with_capacity(original.len() / 2);
        for (place, c) in original.char_indices() {
            if is_invisible(c) {
                continue;
            }
            let end = place + c.len_utf8();
            let c = fold(c);
            let is_repeated = chars.len() >= LONGEST_RUN && chars[chars.len() - LONGEST_RUN..].iter().all(|&b| b == c);
            if is_repeated && !c.is_ascii_digit() {
                places.iter_mut().next_back().into_iter().for_each(|last| last.end = end);
                continue;
            }
            chars.push(c);
            places.push(place..end);
        }
        Self { chars, places }
    }

    /// The folded characters.
    #[must_use]
    pub fn chars(&self) -> &[char] {
        &self.chars
    }

    /// The bytes in the original of a range of folded characters, which must not be empty.
    ///
    /// # Panics
    /// When the range is empty or reaches past the end.
    #[must_use]
    pub fn bytes(&self, range: Range<usize>) -> Range<usize> {
        self.places[range.start].start..self.places[range.end - 1].end
    }
}

fn fold(c: char) -> char {
    match c {
        // full-width ASCII
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c).to_ascii_lowercase(),
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | 'ー' => '-',
        '‘' | '’' | '`' | '´' => '\'',
        '“' | '”' | '„' | '″' => '"',
        c if c.is_whitespace() => ' ',
        c if c.is_ascii() => c.to_ascii_lowercase(),
        // conjoining consonants and vowels that stand alone have a compatibility form, which keyboards type
        '\u{1100}'..='\u{1112}' => INITIALS[c as usize - 0x1100],
        '\u{1161}'..='\u{1175}' => char::from_u32(c as u32 - 0x1161 + 'ㅏ' as u32).unwrap_or(c),
        c => c.to_lowercase().next().unwrap_or(c),
    }
}

/// The initial consonants of Hangul in their order, as compatibility letters.
const INITIALS: [char; 19] =
    ['ㄱ', 'ㄲ', 'ㄴ', 'ㄷ', 'ㄸ', 'ㄹ', 'ㅁ', 'ㅂ', 'ㅃ', 'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅉ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ'];

/// Final consonants are one more than the 27 of the standard: none.
const FINALS: [char; 28] = [
    '\0', 'ㄱ', 'ㄲ', 'ㄳ', 'ㄴ', 'ㄵ', 'ㄶ', 'ㄷ', 'ㄹ', 'ㄺ', 'ㄻ', 'ㄼ', 'ㄽ', 'ㄾ', 'ㄿ', 'ㅀ', 'ㅁ', 'ㅂ', 'ㅄ',
    'ㅅ', 'ㅆ', 'ㅇ', 'ㅈ', 'ㅊ', 'ㅋ', 'ㅌ', 'ㅍ', 'ㅎ',
];

/// Appends the letters of a syllable (two or three), or the character itself where it is none.
pub fn push_letters(c: char, letters: &mut Vec<char>) {
    let Some(index) = (c as u32).checked_sub('가' as u32).filter(|&index| index < 11_172) else {
        letters.push(c);
        return;
    };
    let index = index as usize;
    letters.push(INITIALS[index / 588]);
    letters.push(char::from_u32('ㅏ' as u32 + (index % 588 / 28) as u32).unwrap_or('ㅏ'));
    if !index.is_multiple_of(28) {
        letters.push(FINALS[index % 28]);
    }
}

/// Characters without width that hide in words: joiners, fillers, direction marks, soft hyphens, variation selectors.
#[must_use]
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e01ef}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> String {
        Folded::new(text).chars().iter().collect()
    }

    #[test]
    fn forms_of_one_character_become_one() {
        assert_eq!(folded("０１０－１２３４"), "010-1234");
        assert_eq!(folded("ABC “가”"), "abc \"가\"");
        assert_eq!(folded("죽\u{200b}고\u{ad} 싶"), "죽고 싶");
        assert_eq!(folded("ㅠㅠㅠㅠㅠ!!!! 1111"), "ㅠㅠ!! 1111");
    }

    #[test]
    fn a_range_leads_back_to_the_original() {
        let text = "가\u{200b}나ㅋㅋㅋㅋ다";
        let folded = Folded::new(text);
        assert_eq!(&text[folded.bytes(0..2)], "가\u{200b}나");
        assert_eq!(&text[folded.bytes(2..4)], "ㅋㅋㅋㅋ");
        assert_eq!(folded.bytes(4..5), text.find('다').unwrap()..text.len());
    }

    #[test]
    fn a_syllable_has_its_letters() {
        let mut letters = Vec::new();
        "가값힣a".chars().for_each(|c| push_letters(c, &mut letters));
        assert_eq!(letters.iter().collect::<String>(), "ㄱㅏㄱㅏㅄㅎㅣㅎa");
    }
}
