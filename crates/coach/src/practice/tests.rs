use super::*;

fn answer(history: &[(String, String)], message: &str, english: bool) -> String {
    let topic = if english { "Space travel" } else { "과학 탐구" };
    reply(&PracticeInput { topic, history, message, english })
}

/// A conversation of these messages, as our replies.
fn conversation(messages: &[&str], english: bool) -> Vec<String> {
    let mut history: Vec<(String, String)> = Vec::new();
    for message in messages {
        let answer = answer(&history, message, english);
        history.push(((*message).to_owned(), answer));
    }
    history.into_iter().map(|(_, answer)| answer).collect()
}

const KOREAN: [&str; 6] =
    ["안녕하세요", "하늘은 왜 파래요?", "왜?", "더 알려줘", "롤 티어 올리는 법 알려줘", "고마워요"];
const ENGLISH: [&str; 6] = ["hi", "How far is Mars?", "why?", "tell me more", "I want to play a game", "thanks"];

#[test]
fn no_two_replies_of_six_are_the_same() {
    for (messages, english) in [(KOREAN, false), (ENGLISH, true), (["더 알려줘"; 6], false), (["ㅋㅋ"; 6], false)]
    {
        let mut replies = conversation(&messages, english);
        replies.sort();
        replies.dedup();
        assert_eq!(replies.len(), 6, "{messages:?}");
    }
}

#[test]
fn the_first_reply_alone_says_that_no_model_is_connected() {
    for (messages, english, words) in [(KOREAN, false, "연습 모드"), (ENGLISH, true, "practice mode")] {
        let replies = conversation(&messages, english);
        assert!(replies[0].contains(words));
        assert!(replies[1..].iter().all(|reply| !reply.contains(words)));
    }
}

#[test]
fn every_reply_is_short_and_ends_with_one_question() {
    for (messages, english) in [(KOREAN, false), (ENGLISH, true)] {
        for reply in conversation(&messages, english) {
            let last = reply.trim_end_matches('*');
            assert!(last.ends_with('?'), "{reply}");
            let lines = reply.lines().filter(|line| !line.is_empty() && !line.starts_with("| ---")).count();
            assert!((3..=8).contains(&lines), "{lines} lines: {reply}");
            assert_eq!(reply.matches('?').count(), 1, "{reply}");
        }
    }
}

#[test]
fn the_students_own_word_is_taken_up_with_the_right_particle() {
    let history = [("".to_owned(), "".to_owned()), ("".to_owned(), "".to_owned()), ("".to_owned(), "".to_owned())];
    assert!(answer(&history, "하늘은 왜 파래요?", false).contains("‘하늘’을 무엇과"));
    assert!(answer(&history, "바다는 왜 파래요?", false).contains("‘바다’를 무엇과"));
    assert!(answer(&history, "Why is the volcano hot?", true).contains("“volcano”"));
}

#[test]
fn a_child_in_danger_is_pointed_to_people() {
    for (message, english) in [("요즘 죽고 싶어요", false), ("my uncle hits me", true)] {
        for turn in 0..4 {
            let history = vec![("질문".to_owned(), "답".to_owned()); turn];
            let reply = answer(&history, message, english);
            assert!(reply.contains("1388") && reply.contains("112") && reply.contains("119"), "{reply}");
            assert!(reply.ends_with('?'));
        }
    }
}

#[test]
fn a_topic_full_of_marks_stays_words() {
    let input = PracticeInput { topic: "a|b *c* {it} <script>", history: &[], message: "안녕", english: false };
    let reply = reply(&input);
    assert!(reply.contains(r"a\|b \*c\* {it} \<script\>"), "{reply}");
}
