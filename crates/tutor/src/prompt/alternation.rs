//! Student and assistant in strict alternation, which the chat templates of Gemma and others demand.

use super::Speaker;

/// The same words with neighbours of one speaker joined by an empty line, empty messages left out, and nothing after
/// the student's last message. May begin with the assistant.
pub(super) fn alternate<'a>(said: impl IntoIterator<Item = (Speaker, &'a str)>) -> Vec<(Speaker, String)> {
    let mut turns: Vec<(Speaker, String)> = Vec::new();
    for (speaker, text) in said {
        if text.trim().is_empty() {
            continue;
        }
        match turns.last_mut() {
            Some((last, before)) if *last == speaker => {
                before.push_str("\n\n");
                before.push_str(text);
            }
            _ => turns.push((speaker, text.to_owned())),
        }
    }
    if turns.last().is_some_and(|(last, _)| *last == Speaker::Assistant) {
        turns.pop();
    }
    turns
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        Speaker::{Assistant, Student},
        *,
    };

    #[test]
    fn neighbours_of_one_speaker_are_joined() {
        let turns =
            alternate([(Student, "하나"), (Student, "둘"), (Assistant, " "), (Student, "셋"), (Assistant, "끝")]);
        assert_eq!(turns, [(Student, "하나\n\n둘\n\n셋".to_owned())]);
    }

    proptest! {
        #[test]
        fn speakers_always_take_turns_and_the_student_has_the_last_word(
            said in prop::collection::vec((prop::bool::ANY, "[가나 ]{0,3}"), 0..12)
        ) {
            let said: Vec<(Speaker, &str)> =
                said.iter().map(|(student, text)| (if *student { Student } else { Assistant }, text.as_str())).collect();
            let turns = alternate(said.iter().copied());
            prop_assert!(turns.windows(2).all(|pair| pair[0].0 != pair[1].0));
            prop_assert!(turns.iter().all(|(_, text)| !text.trim().is_empty()));
            prop_assert!(turns.last().is_none_or(|(last, _)| *last == Student));
            let words = |speaker| said.iter().filter(move |s| s.0 == speaker && !s.1.trim().is_empty()).count() > 0;
            prop_assert_eq!(!turns.is_empty(), words(Student));
        }
    }
}
