//! Whether an answer speaks of a tag, as in `</s>는 취소선을 닫아요`: the text behind the tag decides.

/// How a sentence goes on behind its subject or object. None of these, with the white space behind it, begins a thought or
/// an answer.
const PARTICLES: [&str; 20] = [
    "는",
    "은",
    "를",
    "을",
    "와",
    "과",
    "란",
    "이란",
    "라는",
    "이라는",
    "라고",
    "이라고",
    "의",
    "로",
    "으로",
    "도",
    "가",
    "에",
    "에서",
    "처럼",
];
/// The same, whatever stands behind.
const WORDS: [&str; 7] = ["태그", " 태그", " tag", " is ", " are ", " means ", " stands for "];

/// Whether the text behind a tag speaks of it; `None` if more text is needed.
pub(super) fn is_mentioned(after: &str) -> Option<bool> {
    let mut may_be = false;
    for word in WORDS {
        if after.starts_with(word) {
            return Some(true);
        }
        may_be |= word.starts_with(after);
    }
    for particle in PARTICLES {
        match after.strip_prefix(particle).map(|rest| rest.chars().next()) {
            Some(Some(next)) if next.is_whitespace() => return Some(true),
            Some(Some(_)) => {}
            Some(None) => may_be = true,
            None => may_be |= particle.starts_with(after),
        }
    }
    (!may_be).then_some(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_particle_needs_white_space_behind_it() {
        for (after, mentioned) in [
            ("는 태그예요", Some(true)),
            ("이라는 말", Some(true)),
            (" 태그로", Some(true)),
            ("과학은", Some(false)),
            ("이 문제는", Some(false)),
            ("\n답", Some(false)),
            ("", None),
            ("이", None),
            ("이라", None),
            (" i", None),
            (" it", Some(false)),
        ] {
            assert_eq!(is_mentioned(after), mentioned, "{after}");
        }
    }
}
