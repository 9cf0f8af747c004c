//! The names by which models call the parts of a note, whatever the prompt asked for.

use crate::reply::label;
use domain::feedback::DimId;

/// A part of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Strengths,
    Improvements,
    NextSteps,
    Questions,
}

/// Names as [`label`] leaves them; longer ones before those they begin with.
const PARTS: [(Part, &[&str]); 4] = [
    (
        Part::Strengths,
        &[
            "잘한점",
            "잘한부분",
            "잘하신점",
            "잘했어요",
            "좋았던점",
            "좋은점",
            "강점",
            "장점",
            "칭찬",
            "whatyoudidwell",
            "whatwentwell",
            "strengths",
            "strength",
            "goodpoints",
            "positives",
        ],
    ),
    (
        Part::Improvements,
        &[
            "개선할점",
            "개선할부분",
            "개선사항",
            "개선점",
            "보완할점",
            "보완점",
            "아쉬운점",
            "고칠점",
            "더좋아지려면",
            "areasforimprovement",
            "areastoimprove",
            "whattoimprove",
            "whatcouldbebetter",
            "tobeimproved",
            "improvements",
            "improvement",
            "toimprove",
            "weaknesses",
        ],
    ),
    (
        Part::NextSteps,
        &["다음단계", "다음걸음", "다음에해볼일", "다음에해볼것", "다음할일", "nextsteps", "nextstep", "whattodonext"],
    ),
    (
        Part::Questions,
        &[
            "추천질문",
            "추천하는질문",
            "제안질문",
            "질문추천",
            "예시질문",
            "이어갈질문",
            "suggestedquestions",
            "suggestedquestion",
            "recommendedquestions",
            "questionstotry",
            "samplequestions",
            "examplequestions",
            "followupquestions",
            "nextquestions",
            "suggestions",
            "questions",
        ],
    ),
];

const DIMS: [(DimId, &[&str]); 6] = [
    (DimId::Relevance, &["relevance", "topicrelevance", "주제", "주제관련성", "관련성", "주제적합성"]),
    (DimId::Clarity, &["clarity", "명확성", "명료성", "구체성"]),
    (DimId::Context, &["context", "맥락", "배경", "상황"]),
    (DimId::Goal, &["goal", "purpose", "목표", "목적"]),
    (DimId::Structure, &["structure", "구조"]),
    (DimId::Followup, &["followup", "followups", "후속", "후속질문", "이어가기"]),
];

/// The part whose name this is, and nothing but its name and a number.
pub(super) fn part(name: &str) -> Option<Part> {
    let name = label(name);
    let is_digit = |c: char| c.is_ascii_digit();
    let (numbered, name) = (name.ends_with(is_digit), name.trim_matches(is_digit));
    // `question_1`, `question_2`, `question_3`
    if numbered && matches!(name, "question" | "질문") {
        return Some(Part::Questions);
    }
    PARTS.into_iter().find(|(_, names)| names.contains(&name)).map(|(part, _)| part)
}

/// The part whose name the text begins with, and what follows the name.
pub(super) fn part_prefix(text: &str) -> Option<(Part, &str)> {
    let names = PARTS.into_iter().flat_map(|(part, names)| names.iter().map(move |name| (part, *name)));
    names.into_iter().find_map(|(part, name)| Some((part, strip(text, name)?)))
}

/// What follows `name` in the text, letter for letter, with spaces and decoration in the text ignored.
fn strip<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let mut wanted = name.chars();
    let mut want = wanted.next();
    for (at, c) in text.char_indices() {
        let Some(w) = want else { return Some(&text[at..]) };
        if c.to_lowercase().eq([w]) {
            want = wanted.next();
        } else if !matches!(c, ' ' | '_' | '-') {
            return None;
        }
    }
    want.is_none().then_some("")
}

/// The dimension whose name this is; a number before it or a translation in brackets after it does no harm.
pub(super) fn dim(name: &str) -> Option<DimId> {
    let name = name.split(['(', '（']).next().unwrap_or(name);
    let name = label(name);
    let name = name.trim_start_matches(|c: char| c.is_ascii_digit());
    DIMS.into_iter().find(|(_, names)| names.contains(&name)).map(|(id, _)| id)
}
