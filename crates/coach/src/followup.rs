//! 후속: does the message build on the answer before?

use super::{
    Mark,
    cues::{BACK, MORE, QUESTION, TEST, phrases},
    kind::Kind,
    scene::Scene,
};
use korean::text::is_letter;

phrases! {
    HOW = "어떻게|어떤|무엇을|무엇부터|뭐가 좋|how";
}

pub(super) fn read<'a>(scene: &Scene<'a>) -> Mark<'a> {
    let Some(previous) = scene.asked.previous else { return Mark { level: None, quote: "" } };
    let text = &scene.text;
    if scene.kind != Kind::Plain || repeats(scene.asked.message, previous.question) {
        return Mark::NONE;
    }
    let shared = scene.shared();
    let back = BACK.quote(text);
    let words = scene.content.len();
    if let Some(more) = MORE.quote(text).filter(|_| words <= 2 && shared.is_none()) {
        return Mark::of(1, more);
    }
    let test = TEST.quote(text);
    if let Some(test) = test.filter(|_| words >= 1 && (shared.is_some() || back.is_some() || words >= 3)) {
        return Mark::of(3, test);
    }
    // "Why?" after a good answer uses it, however short.
    let short = (scene.asks() && words <= 1 && !text.original().contains("할래")).then(|| scene.opening());
    match back.or(shared).or(test).or(short) {
        Some(link) => Mark::of(2, link),
        None => Mark::NONE,
    }
}

/// The word that asks for a way.
pub(super) fn how<'a>(scene: &Scene<'a>) -> Option<&'a str> {
    HOW.quote(&scene.text).filter(|_| QUESTION.is_in(&scene.text))
}

/// Whether two messages are the same, marks, spaces and capitals aside.
pub(super) fn repeats(message: &str, before: &str) -> bool {
    fn plain(text: &str) -> impl Iterator<Item = char> + '_ {
        text.chars().filter(|c| is_letter(*c)).map(|c| c.to_ascii_lowercase())
    }
    plain(message).eq(plain(before))
}
