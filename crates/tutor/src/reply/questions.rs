//! Questions offered to the student, whoever wrote them.

use unicode_normalization::UnicodeNormalization;

use super::{label, text::plain_text};

/// Most characters of an offered question.
pub(crate) const QUESTION_MAX_CHARS: usize = 200;

/// Exactly three distinct questions: those of the model in its order, then those of `fill`. A question that is too
/// long, empty or the very message the student just sent is left out, never cut: half a question can't be sent.
/// `None` if even `fill` has too few.
pub(crate) fn three_questions(
    questions: &[String],
    sent: Option<&str>,
    fill: impl FnOnce() -> [String; 3],
) -> Option<[String; 3]> {
    let mut kept: Vec<String> = Vec::with_capacity(3);
    let mut keep = |question: &str, sent: Option<&str>| {
        let question = clean_question(question);
        let same = |other: &str| key(other) == key(&question);
        if kept.len() < 3
            && !key(&question).is_empty()
            && question.chars().count() <= QUESTION_MAX_CHARS
            && !kept.iter().any(|other| same(other))
            && !sent.is_some_and(same)
        {
            kept.push(question);
        }
        kept.len()
    };
    let mut count = 0;
    for question in questions {
        count = keep(question, sent);
    }
    if count < 3 {
        for question in fill() {
            keep(&question, None);
        }
    }
    kept.try_into().ok()
}

/// The questions of a text that holds several: one a line, numbered, or one behind the other.
pub(crate) fn split_questions(text: &str) -> Vec<String> {
    if text.trim_start().starts_with('[')
        && let Ok(list) = serde_json::from_str::<Vec<String>>(text)
    {
        return list;
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.len() > 1 {
        return lines.into_iter().map(str::to_owned).collect();
    }
    for pieces in [at_numbers(text), at_marks(text), at_question_marks(text)] {
        if pieces.len() > 1 {
            return pieces.into_iter().map(str::to_owned).collect();
        }
    }
    vec![text.to_owned()]
}

/// Cut before each number. Words before the first one are talk about the questions, unless that number is not a one: then
/// they are the first question, whose number was taken for a mark.
fn at_numbers(text: &str) -> Vec<&str> {
    let mut starts = Vec::new();
    let mut is_start = true;
    for (at, c) in text.char_indices() {
        let may_begin = is_start || is_enclosed_number(c);
        if may_begin
            && !c.is_whitespace()
            && !matches!(c, '-' | '*' | '•' | '·')
            && without_number(&text[at..]).is_some()
        {
            starts.push(at);
        }
        is_start = c.is_whitespace() || matches!(c, '?' | '.' | ',' | '/' | '|' | '"');
    }
    if let Some(&first) = starts.first()
        && text[..first].trim_end().ends_with(['?', '？', '.', '"', '”'])
        && !begins_with_one(&text[first..])
    {
        starts.insert(0, 0);
    }
    pieces(text, &starts)
}

/// Numbers in a circle, in brackets or with a full stop, and Korean letters in a circle, that are one character.
pub(crate) fn is_enclosed_number(c: char) -> bool {
    matches!(c, '①'..='⒛' | '⓵'..='⓾' | '❶'..='➓' | '㉠'..='㉻' | '㈀'..='㈛')
}

fn begins_with_one(text: &str) -> bool {
    text.starts_with(['①', '⑴', '⒈', '⓵', '❶', '➀', '➊', '㉠', '㉮', '㈀', '㈎'])
        || text.trim_start_matches(|c: char| !c.is_ascii_digit()).split(|c: char| !c.is_ascii_digit()).next()
            == Some("1")
}

/// Cut at a mark that stands between questions.
fn at_marks(text: &str) -> Vec<&str> {
    [" / ", " | ", "; ", " • ", " · "]
        .iter()
        .map(|mark| text.split(mark).map(str::trim).filter(|piece| !piece.is_empty()).collect::<Vec<_>>())
        .find(|pieces| pieces.len() > 1)
        .unwrap_or_default()
}

/// Cut behind each question mark.
fn at_question_marks(text: &str) -> Vec<&str> {
    let mut starts = vec![0];
    let mut rest = 0;
    while let Some(at) = text[rest..].find(['?', '？']).map(|at| rest + at) {
        let after = text[at..].trim_start_matches(['?', '？', '!', '"', '”', '\'', '’']);
        rest = text.len() - after.len();
        let next = after.trim_start_matches([',', ' ', '，', '/']);
        if next.len() < after.len() {
            starts.push(text.len() - next.len());
        }
    }
    pieces(text, &starts)
}

/// The parts that begin at these places, without what separates them.
fn pieces<'a>(text: &'a str, starts: &[usize]) -> Vec<&'a str> {
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let parts = starts.iter().zip(ends).filter_map(|(&from, to)| text.get(from..to));
    parts.map(|part| part.trim().trim_end_matches([',', '/', '|']).trim_end()).filter(|part| !part.is_empty()).collect()
}

/// What makes two questions the same: letters and digits, nothing else.
fn key(question: &str) -> String {
    label(&question.nfkc().collect::<String>())
}

/// Plain text without bullet, number or quotes around it.
pub(crate) fn clean_question(question: &str) -> String {
    // Half a kilobyte more than allowed, so that too long stays too long.
    let text = plain_text(question, QUESTION_MAX_CHARS + 500);
    let mut text = text.as_str();
    while let Some(rest) = without_number(text).or_else(|| without_quotes(text)) {
        text = rest;
    }
    text.to_owned()
}

/// `1. `, `2)`, `(3)`, `①`, `1️⃣`, `Q1:`, `질문 2 -`; but not the number of `1.5배` or `3분 발표`.
pub(crate) fn without_number(text: &str) -> Option<&str> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix(|c: char| is_enclosed_number(c) || c == '•' || c == '·') {
        return Some(rest.trim_start());
    }
    let named = ["추천 질문", "질문", "Question", "Q"].iter().find_map(|name| text.strip_prefix(name));
    let digits = named.unwrap_or(text).trim_start();
    let open = digits.strip_prefix(['(', '[']).unwrap_or(digits);
    let rest = open.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = open.len() - rest.len();
    if count > 2 || (count == 0 && named.is_none()) {
        return None;
    }
    if let Some(after) = rest.strip_prefix("\u{fe0f}\u{20e3}").or_else(|| rest.strip_prefix('\u{20e3}')) {
        return (count > 0).then(|| after.trim_start());
    }
    let marks: &[char] = if named.is_some() { &['.', ')', ']', ':', '-', '：'] } else { &['.', ')', ']'] };
    let after = rest.trim_start().strip_prefix(marks)?;
    let after = after.strip_prefix(':').unwrap_or(after);
    (!after.starts_with(|c: char| c.is_ascii_digit())).then(|| after.trim_start())
}

/// The text between quotation marks that surround the whole of it.
pub(crate) fn without_quotes(text: &str) -> Option<&str> {
    [('"', '"'), ('“', '”'), ('\'', '\''), ('‘', '’'), ('「', '」'), ('*', '*')].into_iter().find_map(
        |(open, close)| {
            let inner = text.strip_prefix(open)?.strip_suffix(close)?;
            (!inner.contains([open, close])).then(|| inner.trim())
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bullets_numbers_and_quotes_fall_off() {
        for (text, left) in [
            ("1. 왜 그럴까요?", "왜 그럴까요?"),
            ("- **\"왜 그럴까요?\"**", "왜 그럴까요?"),
            ("Q2: “왜 그럴까요?”", "왜 그럴까요?"),
            ("질문 3 - 왜 그럴까요?", "왜 그럴까요?"),
            ("(2) 왜 그럴까요?", "왜 그럴까요?"),
            ("③ 왜 그럴까요?", "왜 그럴까요?"),
            ("1.5배 빠르면 어떻게 돼요?", "1.5배 빠르면 어떻게 돼요?"),
            ("3분 발표에 쓸 예를 알려 주세요.", "3분 발표에 쓸 예를 알려 주세요."),
            ("질문을 잘하려면 어떻게 해요?", "질문을 잘하려면 어떻게 해요?"),
            ("\"가\"와 \"나\"", "\"가\"와 \"나\""),
            ("1919년에 무슨 일이 있었나요?", "1919년에 무슨 일이 있었나요?"),
        ] {
            assert_eq!(clean_question(text), left, "{text}");
        }
    }

    #[test]
    fn three_distinct_questions_come_out_whatever_goes_in() {
        let fill = || ["가요?", "나요?", "다요?"].map(str::to_owned);
        let three_questions = |questions: &[&str]| {
            let questions: Vec<String> = questions.iter().map(|&q| q.to_owned()).collect();
            super::three_questions(&questions, Some("보낸 말"), fill).unwrap()
        };
        assert_eq!(three_questions(&[]), ["가요?", "나요?", "다요?"]);
        assert_eq!(three_questions(&["1. 가요", "가 요!!", "라요?"]), ["가요", "라요?", "나요?"]);
        assert_eq!(three_questions(&["보낸 말.", "", &"길".repeat(201), "라요?"]), ["라요?", "가요?", "나요?"]);
        assert_eq!(three_questions(&["하나", "둘", "셋", "넷"]), ["하나", "둘", "셋"]);
    }

    #[test]
    fn questions_in_one_text_are_told_apart() {
        let expected = ["가는 왜요?", "나는 어때요?", "다도 돼요?"];
        for text in [
            "가는 왜요?\n나는 어때요?\n다도 돼요?",
            "1. 가는 왜요? 2. 나는 어때요? 3. 다도 돼요?",
            "1) 가는 왜요?, 2) 나는 어때요?, 3) 다도 돼요?",
            "①가는 왜요?②나는 어때요?③다도 돼요?",
            r#"["가는 왜요?", "나는 어때요?", "다도 돼요?"]"#,
            "가는 왜요? ② 나는 어때요? ③ 다도 돼요?",
            "❶ 가는 왜요? ❷ 나는 어때요? ❸ 다도 돼요?",
            "1️⃣ 가는 왜요? 2️⃣ 나는 어때요? 3️⃣ 다도 돼요?",
            "이런 질문은 어때요? ① 가는 왜요? ② 나는 어때요? ③ 다도 돼요?",
            "가는 왜요? / 나는 어때요? / 다도 돼요?",
            "가는 왜요? | 나는 어때요? | 다도 돼요?",
            "가는 왜요? 나는 어때요? 다도 돼요?",
            "\"가는 왜요?\", \"나는 어때요?\", \"다도 돼요?\"",
            "Q1: 가는 왜요? Q2: 나는 어때요? Q3: 다도 돼요?",
        ] {
            let read: Vec<String> = split_questions(text).iter().map(|question| clean_question(question)).collect();
            assert_eq!(read, expected, "{text}");
        }
        for one in ["1.5배 빠르면 왜 3초예요?", "나는 3학년이에요. 왜 그래요?", "왜?", ""] {
            assert_eq!(split_questions(one), [one], "{one}");
        }
    }

    #[test]
    fn a_fill_that_repeats_itself_gives_nothing() {
        assert_eq!(three_questions(&[], None, || ["가".to_owned(), "가!".to_owned(), "나".to_owned()]), None);
    }
}
