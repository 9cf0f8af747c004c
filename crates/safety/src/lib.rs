//! Recognises messages by which a child says that they are in danger. The lesson must not go on then.
//!
//! ```
//! assert!(safety::hints_at_danger("요즘 너무 힘들어서 죽고 싶어요"));
//! assert!(!safety::hints_at_danger("우리나라 자살률은 왜 높아요?"));
//! ```

pub mod care;
pub mod personal;

/// Whether a message hints that its writer may be in danger: self-harm, violence, abuse, threats. Errs on the side of
/// care.
#[must_use]
pub fn hints_at_danger(message: &str) -> bool {
    care::explicit::is_explicit(message)
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
