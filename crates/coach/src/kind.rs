//! The kind of a message: noise, a greeting, thanks, or anything else.

use super::cues::{self, ASK, HELLO, THANKS, phrases};
use korean::{
    Text,
    text::{is_jamo, is_letter, is_syllable},
    words::words,
};

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// ㅋㅋㅋ, 😂, asdf, "모름": nothing that can be read as a question.
    Noise,
    /// Only a greeting.
    Greeting,
    /// Only thanks.
    Thanks,
    /// Everything else.
    Plain,
}

phrases! {
    FILLER = "아하|아 네|넵|네|넹|응|오|와|음|그렇구나|그렇군요|선생님|쌤|튜터|하세요|해요|합니다|하십니까|습니다|워요|들어가|덕분에|정말|진짜|너무|많이|잘|이해|했어요|됐어요|ㅇㅋ|오케이|there|you|so much|very much|a lot|ok|okay|teacher|everyone|got it|i see|tutor";
    SHRUG = "^모름$|^몰라$|^몰라요$|^모르겠어$|^모르겠어요$|^글쎄$|^그냥$|^아무거나$|^없음$|^네$|^넵$|^응$|^아니$|^아니요$|^ㅇㅋ$|idk|dunno|nothing|whatever|yes|no|ok";
    KEYBOARD = "asdf*|sdfg*|qwer*|wert*|zxcv*|xcvb*|hjkl*|fghj*|jkjk*|lalala*|blah*";
}

impl Kind {
    pub(super) fn of(text: &Text<'_>) -> Self {
        let message = text.original();
        if is_noise(text) {
            return Self::Noise;
        }
        let left = |phrases: &korean::Phrases| {
            let mut left = message.to_owned();
            for found in phrases.iter(text).collect::<Vec<_>>().into_iter().rev() {
                left.replace_range(found.range, " ");
            }
            left
        };
        let short = message.chars().count() <= 40;
        if short && !ASK.is_in(text) && !message.contains('?') {
            for (phrases, kind) in [(&*THANKS, Self::Thanks), (&*HELLO, Self::Greeting)] {
                if phrases.is_in(text) && is_filler(&left(phrases)) {
                    return kind;
                }
            }
            if words(message).count() <= 2 && SHRUG.is_in(text) && is_filler(&left(&SHRUG)) {
                return Self::Noise;
            }
        }
        Self::Plain
    }
}

/// Whether the rest of a greeting has no meaning of its own.
fn is_filler(left: &str) -> bool {
    let text = Text::new(left);
    let mut rest = left.to_owned();
    for found in FILLER.iter(&text).collect::<Vec<_>>().into_iter().rev() {
        rest.replace_range(found.range, " ");
    }
    words(&rest).filter(|word| cues::is_content(word) && word.written.chars().count() > 2).count() == 0
        && rest.chars().filter(|c| is_syllable(*c) || c.is_ascii_alphabetic()).count() <= 6
}

fn is_noise(text: &Text<'_>) -> bool {
    let mut letters = text.original().chars().filter(|c| is_letter(*c) && !is_jamo(*c)).peekable();
    let Some(&first) = letters.peek() else { return true };
    let (mut count, mut same, mut latin, mut vowels, mut digits) = (0, true, 0, 0, 0);
    for c in letters {
        count += 1;
        same &= c == first;
        latin += usize::from(c.is_ascii_alphabetic());
        vowels += usize::from(matches!(c.to_ascii_lowercase(), 'a' | 'e' | 'i' | 'o' | 'u' | 'y'));
        digits += usize::from(c.is_ascii_digit());
    }
    let mashed =
        latin == count && (KEYBOARD.is_in(text) && words(text.original()).count() <= 2 || vowels == 0 && latin > 4);
    // 하하하, aaaa, 12345
    (same && count >= 3) || digits == count || mashed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(message: &str) -> Kind {
        Kind::of(&Text::new(message))
    }

    #[test]
    fn noise_is_told_from_words() {
        for message in ["ㅋㅋㅋㅋ", "😂😂", "ㅁㄴㅇㄹ", "asdfasdf", "...", "하하하하", "모름", "12345"]
        {
            assert_eq!(kind(message), Kind::Noise, "{message}");
        }
        for message in ["춤", "세종대왕", "AI", "3.1 운동", "DNA", "ㅋㅋ 왜요"] {
            assert_eq!(kind(message), Kind::Plain, "{message}");
        }
    }

    #[test]
    fn a_greeting_with_a_question_is_no_mere_greeting() {
        assert_eq!(kind("안녕하세요!"), Kind::Greeting);
        assert_eq!(kind("hi there"), Kind::Greeting);
        assert_eq!(kind("아하 고마워요!"), Kind::Thanks);
        assert_eq!(kind("안녕! 하늘은 왜 파래요?"), Kind::Plain);
        assert_eq!(kind("감사 편지 쓰는 법 알려줘"), Kind::Plain);
        assert_eq!(kind("하이에나는 무리 생활"), Kind::Plain);
    }
}
