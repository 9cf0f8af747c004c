//! The four parts of a note as one Markdown text.

use crate::escape_markdown;

const KO: [&str; 4] = ["잘한 점", "개선할 점", "다음 단계", "추천 질문"];
const EN: [&str; 4] = ["What you did well", "What to improve", "Next step", "Questions to try"];

/// The notes as Markdown, for `raw_feedback`: four headings, the questions numbered. The parts are plain text and come
/// out as they are; headings are Korean if any part is.
#[must_use]
pub fn to_markdown(strengths: &str, improvements: &str, next_steps: &str, questions: &[String]) -> String {
    let hangul = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
    let [good, better, next, try_these] =
        if [strengths, improvements, next_steps].into_iter().any(hangul) { KO } else { EN };
    let questions: Vec<String> =
        questions.iter().zip(1..).map(|(question, n)| format!("{n}. {}", escape_markdown(question))).collect();
    format!(
        "### {good}\n\n{}\n\n### {better}\n\n{}\n\n### {next}\n\n{}\n\n### {try_these}\n\n{}\n",
        escape_markdown(strengths),
        escape_markdown(improvements),
        escape_markdown(next_steps),
        questions.join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_four_headed_parts() {
        let questions = ["왜요?", "어떻게요?", "내 생각은 ___인데 맞을까요?"].map(str::to_owned);
        assert_eq!(
            to_markdown("숫자를 넣었어요.", "까닭을 더해요.", "하나만 골라요.", &questions),
            "### 잘한 점\n\n숫자를 넣었어요.\n\n### 개선할 점\n\n까닭을 더해요.\n\n### 다음 단계\n\n하나만 골라요.\n\n\
             ### 추천 질문\n\n1. 왜요?\n2. 어떻게요?\n3. 내 생각은 \\_\\_\\_인데 맞을까요?\n"
        );
    }

    #[test]
    fn english_notes_have_english_headings() {
        assert!(to_markdown("a", "b", "c", &[]).starts_with("### What you did well\n\na\n"));
    }
}
