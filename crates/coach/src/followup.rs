//! 후속: does the message build on the answer before?

use super::{
    Mark,
    analysis::MessageAnalysis,
    cues::{BACK, MORE, QUESTION, TEST, phrases},
    kind::Kind,
};
use korean::text::is_letter;

phrases! {
    HOW = "어떻게|어떤|무엇을|무엇부터|뭐가 좋|how";
}

pub(super) fn read<'a>(analysis: &MessageAnalysis<'a>) -> Mark<'a> {
    let Some(previous) = analysis.asked.previous else { return Mark { level: None, quote: "" } };
    let text = &analysis.text;
    if analysis.kind != Kind::Plain || repeats(analysis.asked.message, previous.question) {
        return Mark::NONE;
    }
    let shared = analysis.shared();
    let back = BACK.quote(text);
    let words = analysis.content.len();
    if let Some(more) = MORE.quote(text).filter(|_| words <= 2 && shared.is_none()) {
        return Mark::of(1, more);
    }
    let test = TEST.quote(text);
    if let Some(test) = test.filter(|_| words >= 1 && (shared.is_some() || back.is_some() || words >= 3)) {
        return Mark::of(3, test);
    }
    // "Why?" after a good answer uses it, however short.
    let short = (analysis.asks() && words <= 1 && !text.original().contains("할래")).then(|| analysis.opening());
    match back.or(shared).or(test).or(short) {
        Some(link) => Mark::of(2, link),
        None => Mark::NONE,
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
