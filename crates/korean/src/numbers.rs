//! Numbers, in digits or as the words that stand before a counter: 3, 세, three.

use super::text::Letter;

/// Native Korean numerals in the form before a counter, and English ones. The longer of two that begin alike first.
const WORDS: [&str; 24] = [
    "다섯", "여섯", "일곱", "여덟", "아홉", "열", "한", "두", "세", "네", "three", "seven", "eight", "four", "five",
    "nine", "one", "two", "six", "ten", "twelve", "twenty", "thirty", "fifty",
];

/// The letters a number beginning at `at` takes up, if one begins there.
pub(super) fn length_at(letters: &[Letter], at: usize) -> Option<usize> {
    let first = letters.get(at)?;
    if !first.opens {
        return None;
    }
    if first.ch.is_ascii_digit() {
        let mut end = at;
        for (i, letter) in letters[at..].iter().enumerate().take(12) {
            if letter.ch.is_ascii_digit() {
                end = at + i + 1;
            } else if !matches!(letter.ch, ',' | '.') {
                break;
            }
        }
        return Some(end - at);
    }
    WORDS.iter().find_map(|word| {
        let mut length = 0;
        for c in word.chars() {
            if letters.get(at + length)?.ch != c {
                return None;
            }
            length += 1;
        }
        // An English numeral is a word of its own: "often" and "weight" hold none.
        (!first.ch.is_ascii() || letters[at + length - 1].closes).then_some(length)
    })
}
