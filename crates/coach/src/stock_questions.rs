//! Questions on a topic that need nothing from the student: to begin with, and to fill up with.

use super::wording;
use domain::{Locale, Topic};
use korean::particles::fill;

/// Every seed of a topic, in an order that `salt` chooses, one to complete (`___`) first.
pub(super) fn all(topic: &Topic, locale: Locale, salt: u64) -> Vec<String> {
    let name = wording::topic_name(locale, topic);
    let stock_questions = (wording::of(locale).stock_questions)(topic.preset());
    let start = (salt % stock_questions.len().max(1) as u64) as usize;
    let (head, tail) = stock_questions.split_at(start);
    let mut stock_questions: Vec<_> = tail.iter().chain(head).map(|seed| fill(seed, &[("topic", name)])).collect();
    if let Some(stem) = stock_questions.iter().position(|seed| seed.contains("___")) {
        stock_questions.swap(0, stem);
    }
    stock_questions
}

/// Three of them.
pub(super) fn three(topic: &Topic, locale: Locale, salt: u64) -> [String; 3] {
    let mut stock_questions = all(topic, locale, salt).into_iter();
    // Every table holds five different stock questions; a test counts them.
    std::array::from_fn(|_| stock_questions.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Preset;

    #[test]
    fn every_topic_has_five_different_seeds_and_begins_with_a_stem() {
        for locale in [Locale::Ko, Locale::En] {
            let topics = Preset::ALL.map(|p| Topic::parse(p.topic_name()).unwrap());
            for topic in topics.into_iter().chain([Topic::parse("축구").unwrap(), Topic::default()]) {
                for salt in 0..7 {
                    let mut stock_questions = all(&topic, locale, salt);
                    assert!(stock_questions[0].contains("___"));
                    assert!(stock_questions.iter().all(|seed| !seed.contains(['{', '}'])));
                    stock_questions.sort();
                    stock_questions.dedup();
                    assert_eq!(stock_questions.len(), 5);
                }
            }
        }
    }
}
