//! 후속: does the message build on the answer before?

use super::{
    Rating,
    analysis::MessageAnalysis,
    cues::{CHALLENGE, MORE, QUESTION, REFERENCE, phrases},
    kind::Kind,
};
use korean::text::is_letter;

phrases! {
    HOW = "어떻게|어떤|무엇을|무엇부터|뭐가 좋|how";
}

pub(super) fn rate<'a>(analysis: &MessageAnalysis<'a>) -> Rating<'a> {
    let Some(previous) = analysis.asked.previous else { return Rating { level: None, quote: "" } };
    let text = &analysis.text;
    if analysis.kind != Kind::Plain || repeats(analysis.asked.message, previous.question) {
        return Rating::NONE;
    }
    let shared = analysis.shared_word();
    let back = REFERENCE.quote(text);
    let words = analysis.content.len();
    if let Some(more) = MORE.quote(text).filter(|_| words <= 2 && shared.is_none()) {
        return Rating::of(1, more);
    }
    let test = CHALLENGE.quote(text);
    if let Some(test) = test.filter(|_| words >= 1 && (shared.is_some() || back.is_some() || words >= 3)) {
        return Rating::of(3, test);
    }
    // "Why?" after a good answer uses it, however short.
    let short = (analysis.is_question() && words <= 1 && !text.original().contains("할래")).then(|| analysis.opening());
    match back.or(shared).or(test).or(short) {
        Some(link) => Rating::of(2, link),
        None => Rating::NONE,
    }
}

/// The word that asks for a way.
pub(super) fn how<'a>(analysis: &MessageAnalysis<'a>) -> Option<&'a str> {
    HOW.quote(&analysis.text).filter(|_| QUESTION.is_in(&analysis.text))
}

/// Whether two messages are the same, marks, spaces and capitals aside.
pub(super) fn repeats(message: &str, before: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars().filter(|c| is_letter(*c)).map(|c| c.to_ascii_lowercase())
    }
    plain(message).eq(plain(before))
}
