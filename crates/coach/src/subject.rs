//! What the message is about, as a noun that fits into a sentence.

use super::{analysis::MessageAnalysis, cues::phrases, fields::match_topic, kind::Kind};
use domain::Locale;
use korean::words::{Word, words};

phrases! {
    MATTER = "^법$|방법$|까닭$|이유$|차이$|차이점$|뜻$";
    ABOUT = "대해|대하여|관해|관하여|대한|관한";
}

/// Longest subject, in characters: more no longer reads as one thing.
const MAX_CHARS: usize = 20;

/// A noun or two of the message; `None` where none can be told from a verb.
pub(super) fn of<'a>(analysis: &MessageAnalysis<'a>) -> Option<&'a str> {
    if analysis.kind != Kind::Plain {
        return None;
    }
    let message = analysis.asked.message;
    let words: Vec<_> = words(message).take(40).collect();
    matter(analysis)
        .or_else(|| before_about(analysis, &words))
        .or_else(|| of_the_field(analysis, &words))
        .or_else(|| bare(analysis, &words))
        .or_else(|| words.iter().find_map(|word| carried(analysis, word)))
        .filter(|it| it.chars().count() <= MAX_CHARS && !it.contains('\n') && it.chars().any(char::is_alphabetic))
}

/// "롤 티어 올리는 법": a whole phrase that ends in what is asked for.
fn matter<'a>(analysis: &MessageAnalysis<'a>) -> Option<&'a str> {
    let opening = analysis.opening();
    let text = korean::Text::new(opening);
    let end = MATTER.iter(&text).last()?.range.end;
    // "방법 두 가지" asks for a number of ways, which no longer is a plain noun.
    let matter = opening[..end].trim();
    let plain = matter.split_whitespace().count() <= 5 && matter.contains(' ') && !super::cues::QUESTION.is_in(&text);
    (plain && analysis.statements.is_empty()).then_some(matter)
}

/// "환경에 대해": the noun before the word, and a bare noun before that.
fn before_about<'a>(analysis: &MessageAnalysis<'a>, words: &[Word<'a>]) -> Option<&'a str> {
    let text = |word: &Word<'a>| korean::Text::new(word.written);
    let at = words.iter().position(|word| ABOUT.is_in(&text(word)))?;
    let noun = words.get(at.checked_sub(1)?)?;
    if noun.particle() != "에" && !noun.particle().is_empty() {
        return None;
    }
    let first =
        at.checked_sub(2).and_then(|i| words.get(i)).filter(|word| word.particle().is_empty() && is_noun(word.stem));
    let start = first.unwrap_or(noun).range.start;
    Some(&analysis.asked.message[start..noun.range.start + noun.stem.len()])
}

/// A word of the topic's field.
fn of_the_field<'a>(analysis: &MessageAnalysis<'a>, words: &[Word<'a>]) -> Option<&'a str> {
    let message = analysis.asked.message;
    let topic_match = match_topic(analysis.asked.topic, &analysis.text);
    topic_match.core.iter().chain(&topic_match.broad).find_map(|found| {
        let it = &message[found.range.clone()];
        // A student's own topic is named by its stock questions already.
        if !is_noun(it) || it.contains('\n') || analysis.asked.topic.as_str().contains(it) {
            return None;
        }
        // The whole word where it is a noun, such as 로봇청소기 for 로봇.
        let word = words.iter().find(|word| word.range.start <= found.range.start && found.range.end <= word.range.end);
        match word {
            Some(word) if it.is_ascii() => Some(capitals(message, word)),
            Some(word) if word.range.start + word.stem.len() >= found.range.end => {
                let whole = word.stem.chars().count() <= it.chars().count() + 4 && is_noun(word.stem);
                Some(if whole { word.stem } else { it })
            }
            _ => Some(it),
        }
    })
}

/// An English word and the names after it: Roman Empire.
fn capitals<'a>(message: &'a str, word: &Word<'a>) -> &'a str {
    let mut end = word.range.start + word.stem.len();
    if word.stem.starts_with(|c: char| c.is_ascii_uppercase()) {
        for next in words(&message[word.range.end..]).take(2) {
            let at = word.range.end + next.range.start;
            if !next.written.starts_with(|c: char| c.is_ascii_uppercase()) || &message[end..at] != " " {
                break;
            }
            end = word.range.end + next.range.end;
        }
    }
    &message[word.range.start..end]
}

/// Whether it's a whole subject by itself, of which nothing more can be said than of the topic.
pub(super) fn is_broad(it: &str) -> bool {
    [
        "과학",
        "역사",
        "문학",
        "기술",
        "미래",
        "예술",
        "문화",
        "사회",
        "science",
        "history",
        "technology",
        "future",
        "art",
    ]
    .iter()
    .any(|broad| it.eq_ignore_ascii_case(broad))
}

/// A message that is nothing but a few nouns.
fn bare<'a>(analysis: &MessageAnalysis<'a>, words: &[Word<'a>]) -> Option<&'a str> {
    let (first, last) = (words.first()?, words.last()?);
    let nouns = words.len() <= 3 && words.iter().all(|word| word.particle().is_empty() && is_noun(word.stem));
    (nouns && !analysis.is_question()).then(|| &analysis.asked.message[first.range.start..last.range.end])
}

/// A noun that shows itself by its particle.
fn carried<'a>(analysis: &MessageAnalysis<'a>, word: &Word<'a>) -> Option<&'a str> {
    let particle = matches!(word.particle(), "을" | "를" | "이" | "가" | "의" | "에서" | "과" | "와" | "이랑");
    let known = analysis.content.iter().any(|content| content.range == word.range);
    let long = word.stem.chars().count() >= 2;
    (analysis.asked.locale == Locale::Ko && particle && known && long && is_noun(word.stem)).then_some(word.stem)
}

/// Whether a stem may be a noun: it doesn't end as verbs do.
fn is_noun(stem: &str) -> bool {
    const VERBAL: [&str; 46] = [
        "운", "데", "때문", "동안", "면", "지", "는", "은", "던", "려면", "으면", "하면", "되면", "라면", "고", "해서",
        "아서", "어서", "게", "요", "다", "까", "죠", "돌", "롭", "놀", "쓰", "라", "크", "녹", "얼", "끓어", "줘",
        "세요", "해", "할", "될", "좋을", "지만", "하기", "보기", "가기", "싶", "써", "한", "된",
    ];
    const ENGLISH: [&str; 12] = [
        "write", "writing", "wrote", "draw", "drawing", "run", "running", "boil", "freeze", "dancing", "painting",
        "why",
    ];
    if ENGLISH.iter().any(|verb| stem.eq_ignore_ascii_case(verb)) {
        return false;
    }
    const WHOLE: [&str; 14] = [
        "이미지",
        "편지",
        "강아지",
        "먼지",
        "에너지",
        "구름",
        "광고",
        "경고",
        "바다",
        "한강",
        "창고",
        "나라",
        "참고",
        "치즈",
    ];
    WHOLE.iter().any(|whole| stem.ends_with(whole)) || !VERBAL.iter().any(|ending| stem.ends_with(ending))
}
