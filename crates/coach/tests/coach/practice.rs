//! The practice partner on every labelled message.

use coach::practice::{PracticeInput, reply};

use crate::labelled::{questions, rubric};

#[test]
fn every_labelled_message_gets_a_short_reply_that_ends_with_a_question() {
    for question in questions().iter().chain(&rubric()) {
        for english in [false, true] {
            for turn in 0..7 {
                let history = vec![("질문".to_owned(), "답".to_owned()); turn];
                let input = PracticeInput {
                    topic: question.topic.as_str(),
                    history: &history,
                    message: &question.message,
                    english,
                };
                let reply = reply(&input);
                assert!(reply.chars().count() < 1_200, "{reply}");
                assert!(reply.trim_end_matches('*').ends_with('?'), "{reply}");
                assert!(!reply.contains(['{', '}']), "{reply}");
                assert_eq!(reply.contains("연습 모드") || reply.contains("practice mode"), turn == 0, "{reply}");
                for both in ["은(는)", "이(가)", "을(를)", "과(와)", "이라는(라는)"] {
                    for (at, _) in reply.match_indices(both) {
                        let before = reply[..at].trim_end_matches('’').chars().next_back().unwrap();
                        assert!(!matches!(before, '가'..='힣' | '0'..='9'), "{reply}");
                    }
                }
            }
        }
    }
}
