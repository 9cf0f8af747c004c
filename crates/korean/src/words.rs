//! Words and what is left of them without particles.

use std::ops::Range;

use super::{
    particles::{Ending, ending},
    text::{Letter, is_letter},
};

/// Particles after nouns, longest first so that 에서는 is not read as 는.
const PARTICLES: [&str; 52] = [
    "에서부터",
    "이라도",
    "에서는",
    "에서도",
    "에게서",
    "으로는",
    "으로도",
    "이라고",
    "이라는",
    "까지는",
    "부터는",
    "들에게",
    "라도",
    "라고",
    "라는",
    "에서",
    "에게",
    "한테",
    "까지",
    "부터",
    "처럼",
    "보다",
    "마다",
    "밖에",
    "으로",
    "이랑",
    "하고",
    "이나",
    "이란",
    "에는",
    "에도",
    "과는",
    "와는",
    "이야",
    "이고",
    "이면",
    "들이",
    "들은",
    "들을",
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "에",
    "의",
    "로",
    "와",
    "과",
    "도",
    "만",
];

/// Nouns that merely end like a particle.
const WHOLE: [&str; 62] = [
    "고양이",
    "호랑이",
    "어린이",
    "늙은이",
    "이야기",
    "떡볶이",
    "목걸이",
    "놀이",
    "차이",
    "나이",
    "종이",
    "아이",
    "높이",
    "길이",
    "깊이",
    "넓이",
    "먹이",
    "사이",
    "오이",
    "국가",
    "작가",
    "평가",
    "물가",
    "휴가",
    "증가",
    "화가",
    "전문가",
    "소설가",
    "과학자",
    "온도",
    "속도",
    "지도",
    "제도",
    "태도",
    "정도",
    "농도",
    "밀도",
    "각도",
    "독도",
    "제주도",
    "반도",
    "도로",
    "진로",
    "미로",
    "통로",
    "회로",
    "회의",
    "정의",
    "주의",
    "강의",
    "민주주의",
    "논의",
    "결과",
    "효과",
    "사과",
    "학과",
    "불만",
    "대만",
    "판소리",
    "파도",
    "시도",
    "수도",
];

/// A word of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'a> {
    /// As written, without punctuation at its edges.
    pub written: &'a str,
    /// Without its particle.
    pub stem: &'a str,
    /// Its bytes in the text.
    pub range: Range<usize>,
}

impl<'a> Word<'a> {
    /// The particle the word carries; empty if it carries none.
    #[must_use]
    pub fn particle(&self) -> &'a str {
        &self.written[self.stem.len()..]
    }
}

/// The words of a text: what stands between white space and punctuation.
pub fn words(text: &str) -> impl Iterator<Item = Word<'_>> {
    let base = text.as_ptr() as usize;
    text.split(|c: char| !is_letter(c) && !matches!(c, '-' | '\'' | '’')).filter_map(move |piece| {
        let written = piece.trim_matches(|c: char| !is_letter(c));
        let start = written.as_ptr() as usize - base;
        (!written.is_empty()).then(|| Word { written, stem: stem(written), range: start..start + written.len() })
    })
}

/// `word` without the particle at its end, where its last sound allows that particle.
#[must_use]
pub fn stem(word: &str) -> &str {
    // Most words carry no particle: told by the last syllable, before the lists are gone through.
    let last = word.chars().next_back();
    if !last.is_some_and(|c| "터도는서고은게라에테지럼다마이가을를의로와과만밖랑하면란야나들".contains(c))
    {
        return word;
    }
    if WHOLE.iter().any(|whole| word.ends_with(whole)) {
        return word;
    }
    PARTICLES.iter().find_map(|particle| stripped(word, particle)).unwrap_or(word)
}

fn stripped<'a>(word: &'a str, particle: &str) -> Option<&'a str> {
    let stem = word.strip_suffix(particle).filter(|stem| !stem.is_empty())?;
    // 바라는 is a verb, 사회라는 a noun that is named.
    if matches!(particle, "라는" | "라고" | "이라는" | "이라고") && stem.chars().count() < 2 {
        return None;
    }
    let fits = match (ending(stem), particle.chars().next()?) {
        (Ending::Unknown, _) => true,
        (end, '은' | '을' | '과') => end != Ending::Vowel,
        (end, '이') => end != Ending::Vowel,
        (end, '으') => end == Ending::Consonant,
        (end, '는' | '가' | '를' | '와') => end == Ending::Vowel,
        (end, '로' | '라') => end != Ending::Consonant,
        _ => true,
    };
    fits.then_some(stem)
}

/// Whether a word ends before the letter `end`, or only a particle follows there.
pub(super) fn ends_at(letters: &[Letter], end: usize) -> bool {
    if letters[end - 1].closes {
        return true;
    }
    let mut rest = String::new();
    for letter in letters[end..].iter().take(4) {
        rest.push(letter.ch);
        if letter.closes {
            return PARTICLES.contains(&rest.as_str()) || matches!(rest.as_str(), "랑" | "나" | "야" | "요");
        }
    }
    false
}

/// Whether two stems speak of the same thing: equal, or one begins with the other (파랗 and 파랗게), at least two
/// syllables or four Latin letters long.
#[must_use]
pub fn are_related(a: &str, b: &str) -> bool {
    if a.eq_ignore_ascii_case(b) {
        return true;
    }
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let enough = if short.is_ascii() { short.len() >= 4 } else { short.chars().count() >= 2 };
    enough && long.is_char_boundary(short.len()) && long[..short.len()].eq_ignore_ascii_case(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn particles_come_off_and_words_stay_whole() {
        for (word, want) in [
            ("하늘은", "하늘"),
            ("학교에서는", "학교"),
            ("로봇이", "로봇"),
            ("AI가", "AI"),
            ("고양이", "고양이"),
            ("친구에게", "친구"),
            ("온도", "온도"),
            ("집으로", "집"),
            ("바다로", "바다"),
            ("는", "는"),
            ("Rome", "Rome"),
        ] {
            assert_eq!(stem(word), want);
        }
    }

    #[test]
    fn every_particle_comes_off_some_word() {
        for particle in PARTICLES {
            let found = ["책", "나무", "하늘"].iter().any(|noun| stem(&format!("{noun}{particle}")) == *noun);
            assert!(found, "{particle}");
        }
    }

    #[test]
    fn words_know_where_they_stand() {
        let text = "와, 빛이 don't!";
        let words: Vec<_> = words(text).collect();
        assert_eq!(words.iter().map(|w| w.stem).collect::<Vec<_>>(), ["와", "빛", "don't"]);
        assert!(words.iter().all(|w| &text[w.range.clone()] == w.written));
        assert_eq!(words[1].particle(), "이");
    }

    #[test]
    fn kin_share_their_beginning() {
        assert!(are_related("파랗", "파랗게"));
        assert!(are_related("Robot", "robots"));
        assert!(!are_related("빛", "빛나다"));
        assert!(!are_related("the", "theory"));
    }
}
