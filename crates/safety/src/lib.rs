//! Recognises messages by which a child says that they are in danger. The lesson must not go on then.
//!
//! ```
//! assert!(safety::hints_at_danger("요즘 너무 힘들어서 죽고 싶어요"));
//! assert!(!safety::hints_at_danger("우리나라 자살률은 왜 높아요?"));
//! ```

pub mod care;
pub mod personal;

use std::sync::LazyLock;

use korean::{Phrases, Text};

/// First-person words only: 자살률 in a lesson on society or a hero who dies in a story are no cry for help.
static DANGER: LazyLock<Phrases> = LazyLock::new(|| {
    Phrases::new(
        "죽고 싶|!죽고 싶어 하|!죽고 싶어 해|!죽고 싶지 않|!보고 싶어 죽|죽어 버리고 싶|죽어버릴|죽을래|살기 싫|살고 싶지 않|사라지고 싶|없어지고 싶|자살할|자살하고|!자살하고 싶어 하|자살 방법|자살하는 법|자해했|자해하고|자해를 해|자해해요|손목을 그|손목 그었|뛰어내리고 싶|목숨을 끊고|나를 때려|저를 때려|나를 때리|저를 때리|나를 때렸|저를 때렸|아빠가 때|엄마가 때|아빠한테 맞|엄마한테 맞|형한테 맞|집에서 맞|맞고 살|저를 괴롭|나를 괴롭|왕따를 당하고 있|왕따당하고 있|왕따당해|협박을 당|협박당했|협박당하고|저를 협박|나를 협박|몸을 만져|몸을 만졌|성추행을 당|성추행당|성폭행을 당|성폭행당|몰래 찍혔|사진을 퍼뜨리겠|kill myself|killing myself|want to die|wanna die|end my life|hurt myself|hurting myself|cut myself|cutting myself|i am suicidal|i'm suicidal|don't want to live|hits me|beats me|beat me up|touches me|touched me|threatens me|threatening me|i am being bullied|i'm being bullied|they bully me",
    )
});

/// Whether a message hints that its writer may be in danger: self-harm, violence, abuse, threats. Errs on the side of
/// care.
#[must_use]
pub fn hints_at_danger(message: &str) -> bool {
    DANGER.is_in(&Text::new(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_hints_at_danger_is_recognised() {
        for message in [
            "요즘 너무 힘들어서 죽고 싶어요",
            "그냥 사라지고싶다",
            "아빠가 때려요 어떡해요",
            "애들이 저를 괴롭혀요",
            "I want to die",
            "My uncle touches me",
        ] {
            assert!(hints_at_danger(message), "{message}");
        }
    }

    #[test]
    fn a_lesson_on_hard_things_stays_a_lesson() {
        for message in [
            "우리나라 자살률은 왜 높아요?",
            "주인공이 죽고 싶어 하는 장면을 쓰고 있어요",
            "학교 폭력을 줄이는 방법 세 가지",
            "배고파 죽겠어요",
            "Why did Hamlet's friend die?",
            "이순신은 어떻게 죽었어요?",
        ] {
            assert!(!hints_at_danger(message), "{message}");
        }
    }
}
