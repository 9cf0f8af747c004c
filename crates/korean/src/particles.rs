//! Korean particles (josa): syllables behind a noun that mark its role. These pairs change with the sound before them:
//! 은/는, 이/가, 을/를, 과/와, 으로/로, 이라는/라는, 이나/나.

/// How a word ends when it is read aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// In a vowel: 나무, 2, AI.
    Vowel,
    /// In ㄹ, after which 로 stands instead of 으로: 하늘, 1, URL.
    Rieul,
    /// In another final consonant: 책, 3, PM.
    Consonant,
    /// Unknown: `___`, an emoji alone, a bracket, `Kate`.
    Unknown,
}

/// The pairs this module knows, as templates write them: after a consonant, after a vowel, written for both.
const PAIRS: [(&str, &str, &str); 8] = [
    ("이라는", "라는", "이라는(라는)"),
    ("이라고", "라고", "이라고(라고)"),
    ("으로", "로", "으로(로)"),
    ("은", "는", "은(는)"),
    ("이", "가", "이(가)"),
    ("을", "를", "을(를)"),
    ("과", "와", "과(와)"),
    ("이나", "나", "이나(나)"),
];

/// How `word` ends. Quotation marks, white space, punctuation and emoji at its end are not read aloud.
#[must_use]
pub fn ending(word: &str) -> Ending {
    let word = word.trim_end_matches(is_silent);
    let Some(last) = before_bracket(word).chars().next_back() else { return Ending::Unknown };
    match last {
        // A Hangul syllable is 0xAC00 + (initial × 21 + vowel) × 28 + final (Unicode, chapter 3.12).
        '가'..='힣' => match (last as u32 - 0xAC00) % 28 {
            0 => Ending::Vowel,
            8 => Ending::Rieul,
            _ => Ending::Consonant,
        },
        '2' | '4' | '5' | '9' => Ending::Vowel,
        '1' | '7' | '8' => Ending::Rieul,
        // 영, 십, 백, 천, 만: every reading of a last nought ends in a consonant other than ㄹ.
        '0' | '3' | '6' => Ending::Consonant,
        'A'..='Z' => match last {
            'L' | 'R' => Ending::Rieul,
            'M' | 'N' => Ending::Consonant,
            _ => Ending::Vowel,
        },
        // 플러스, 퍼센트, 앤드, 도, 달러; 샵, 원.
        '+' | '%' | '&' | '°' | '℃' | '$' => Ending::Vowel,
        '#' | '₩' => Ending::Consonant,
        'l' => Ending::Rieul,
        'm' | 'n' => Ending::Consonant,
        'a' | 'i' | 'o' | 'u' | 'y' | 's' | 'x' | 'z' | 'r' | 'f' | 'v' | 'w' | 'h' | 'j' => Ending::Vowel,
        _ => Ending::Unknown,
    }
}

/// Whether a character at the end of a word is not read aloud: white space, quotation marks, punctuation, emoji and
/// other symbols. Signs that have a name, such as `+`, are read aloud, and a blank to fill in (`_`) stands for a word.
fn is_silent(c: char) -> bool {
    match c {
        _ if c.is_alphanumeric() => false,
        '+' | '%' | '&' | '°' | '℃' | '$' | '#' | '₩' | '×' | '÷' | '±' | '√' | '∞' => false,
        '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '=' | '@' | '/' | '_' => false,
        _ => true,
    }
}

/// A remark in brackets isn't read aloud: 축구(soccer)는.
fn before_bracket(word: &str) -> &str {
    let before = word.strip_suffix(')').and_then(|word| word.rsplit_once('(')).map(|(before, _)| before);
    match before.map(|before| before.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '_')) {
        Some(before) if !before.is_empty() => before,
        _ => word,
    }
}

/// Fills `{name}` places of a template. A particle written for both cases right after a place, as in `{it}을(를)`,
/// becomes the right one, and stays as written where the sound is unknown. A place without a value stays empty.
/// The values themselves are never changed.
#[must_use]
pub fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(template.len() + 32);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = after;
            break;
        };
        let value = values.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| *value);
        out.push_str(value);
        rest = after;
        // A quotation mark may stand between the word and its particle: ‘{it}’을(를).
        if let Some(mark) = rest.chars().next().filter(|c| "’”".contains(*c)) {
            out.push(mark);
            rest = &rest[mark.len_utf8()..];
        }
        if let Some((with, without, both)) = PAIRS.into_iter().find(|(_, _, both)| rest.starts_with(both)) {
            out.push_str(match ending(value) {
                Ending::Vowel => without,
                Ending::Rieul if with == "으로" => without,
                Ending::Rieul | Ending::Consonant => with,
                Ending::Unknown => both,
            });
            rest = &rest[both.len()..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(template: &str, word: &str) -> String {
        fill(template, &[("w", word)])
    }

    #[test]
    fn a_particle_follows_the_sound_of_the_word() {
        assert_eq!(one("{w}은(는)", "하늘"), "하늘은");
        assert_eq!(one("{w}은(는)", "바다"), "바다는");
        assert_eq!(one("{w}이(가)", "책"), "책이");
        assert_eq!(one("{w}을(를)", "나무"), "나무를");
        assert_eq!(one("{w}과(와)", "로봇"), "로봇과");
        assert_eq!(one("{w}이라는(라는)", "블랙홀"), "블랙홀이라는");
        assert_eq!(one("{w}이나(나)", "시"), "시나");
    }

    #[test]
    fn after_rieul_the_way_is_로() {
        assert_eq!(one("{w}으로(로)", "하늘"), "하늘로");
        assert_eq!(one("{w}으로(로)", "집"), "집으로");
        assert_eq!(one("{w}으로(로)", "바다"), "바다로");
    }

    #[test]
    fn digits_and_latin_letters_are_read_aloud() {
        assert_eq!(one("{w}은(는)", "5.18"), "5.18은");
        assert_eq!(one("{w}이(가)", "2"), "2가");
        assert_eq!(one("{w}을(를)", "100"), "100을");
        assert_eq!(one("{w}을(를)", "AI"), "AI를");
        assert_eq!(one("{w}으로(로)", "URL"), "URL로");
        assert_eq!(one("{w}이(가)", "moon"), "moon이");
    }

    #[test]
    fn where_nobody_can_tell_both_forms_stand() {
        for word in ["🎨", "(가)", "___", "cake", "", "ㅋ"] {
            assert_eq!(one("{w}은(는)", word), format!("{word}은(는)"));
        }
    }

    #[test]
    fn quotation_marks_do_not_change_the_sound() {
        assert_eq!(one("‘{w}’을(를)", "환경"), "‘환경’을");
        assert_eq!(one("{w}이(가)", "“별”"), "“별”이");
        assert_eq!(one("{w}은(는)", "축구(soccer)"), "축구(soccer)는");
    }

    #[test]
    fn symbols_after_a_word_are_not_read_aloud() {
        for (word, with_particle) in [
            ("축구⚽", "축구⚽를"),
            ("별 ★", "별 ★을"),
            ("과학\u{fffd}", "과학\u{fffd}을"),
            ("게임은 왜 재미있을까?", "게임은 왜 재미있을까?를"),
            ("K-팝!!", "K-팝!!을"),
            ("꿈…", "꿈…을"),
            ("사랑❤\u{fe0f}", "사랑❤\u{fe0f}을"),
            ("가족👨\u{200d}👩\u{200d}👧", "가족👨\u{200d}👩\u{200d}👧을"),
            ("축구(soccer)⚽", "축구(soccer)⚽를"),
            ("1\u{fe0f}\u{20e3}", "1\u{fe0f}\u{20e3}을"),
            ("C++", "C++를"),
            ("C#", "C#을"),
            ("100%", "100%를"),
            ("20℃", "20℃를"),
        ] {
            assert_eq!(one("{w}을(를)", word), with_particle);
        }
    }

    #[test]
    fn only_the_particle_after_a_place_is_settled() {
        assert_eq!(one("{w}: ___이(가)", "내가 쓴 은(는) {x}"), "내가 쓴 은(는) {x}: ___이(가)");
    }
}
