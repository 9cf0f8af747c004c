//! Korean particles and endings that stand directly behind an address.

use super::hangul::is_hangul;

/// What the syllable before a particle must end in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SyllableEnd {
    Consonant,
    Vowel,
    Any,
}
use SyllableEnd::{Any, Consonant, Vowel};

/// Particles that the name of a page hardly ends in, and the sound they need before them.
const SAFE: [(&str, SyllableEnd); 27] = [
    ("을", Consonant),
    ("를", Vowel),
    ("은", Consonant),
    ("는", Vowel),
    ("에", Any),
    ("에서", Any),
    ("에서는", Any),
    ("에서도", Any),
    ("에는", Any),
    ("에도", Any),
    ("으로", Consonant),
    ("으로는", Consonant),
    ("으로도", Consonant),
    ("까지", Any),
    ("부터", Any),
    ("처럼", Any),
    ("보다", Any),
    ("입니다", Any),
    ("이에요", Consonant),
    ("예요", Vowel),
    ("이라고", Consonant),
    ("라고", Vowel),
    ("이라는", Consonant),
    ("라는", Vowel),
    ("이며", Consonant),
    ("이고", Consonant),
    ("인데", Any),
];

/// Others, which stand for themselves behind the last `/` of an address.
const OTHERS: [&str; 40] = [
    "이",
    "가",
    "의",
    "로",
    "와",
    "과",
    "도",
    "만",
    "에만",
    "에서만",
    "에서의",
    "에서부터",
    "로는",
    "로도",
    "로만",
    "로서",
    "으로만",
    "으로서",
    "로부터",
    "으로부터",
    "까지는",
    "까지도",
    "부터는",
    "마다",
    "이나",
    "같은",
    "같이",
    "하고",
    "이랑",
    "이라면",
    "라면",
    "이다",
    "이란",
    "이지만",
    "이었어요",
    "였어요",
    "이었습니다",
    "였습니다",
    "입니다만",
    "이죠",
];

/// Whether a word of Hangul is a particle or an ending.
pub(super) fn is_particle(word: &str) -> bool {
    SAFE.iter().any(|(particle, _)| *particle == word) || OTHERS.contains(&word)
}

/// Bytes of an address that ends with a Korean name, without the particle behind the name (`…/wiki/광합성을`).
///
/// A name may end as short particles do (`김정은`), so these are taken off only in a sentence: another word must follow.
pub(super) fn length_without_particle(address: &str, after: &str) -> usize {
    let name = address.trim_end_matches(is_hangul).len();
    let word = &address[name..];
    let goes_on =
        after.strip_prefix(' ').is_some_and(|next| next.starts_with(is_hangul)) || after.starts_with(['.', ',']);
    if word.is_empty() {
        return address.len();
    }
    let counts = |particle: &str| goes_on || particle.chars().count() > 1 || particle == "를";
    let longest = SAFE.iter().filter(|(particle, _)| counts(particle)).filter(|(particle, required_end)| {
        let stem = word.strip_suffix(particle).and_then(|stem| stem.chars().next_back());
        stem.is_some_and(|last| *required_end == Any || (*required_end == Consonant) == ends_in_consonant(last))
    });
    address.len() - longest.map(|(particle, _)| particle.len()).max().unwrap_or(0)
}

/// Whether a syllable ends in a consonant.
fn ends_in_consonant(syllable: char) -> bool {
    matches!(syllable, '가'..='힣') && (u32::from(syllable) - u32::from('가')) % 28 > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_particle_is_taken_off_a_korean_name_that_a_sentence_follows() {
        for (address, after, expected) in [
            ("/wiki/광합성을", " 참고", "/wiki/광합성"),
            ("/wiki/빛에서는", " 볼 수", "/wiki/빛"),
            ("/wiki/나무를", " 보고", "/wiki/나무"),
            ("/wiki/마을", " 이야기", "/wiki/마을"),
            ("/wiki/가을", " 이야기", "/wiki/가을"),
            ("/wiki/광합성", " 설명", "/wiki/광합성"),
            ("/wiki/김정은", "", "/wiki/김정은"),
            ("/wiki/a", " 설명", "/wiki/a"),
        ] {
            assert_eq!(&address[..length_without_particle(address, after)], expected, "{address}");
        }
    }
}
