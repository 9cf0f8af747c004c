//! Questions labelled by hand from the rubric, in tab-separated files beside this one.
//!
//! Three splits of `questions.tsv`: `dev` was labelled before any rule was written, or moved here once it had been
//! looked at, and the rules were tuned on it. `test`, every third row of the first 148, was labelled at the same time
//! and not looked at while tuning. `fresh` was labelled after the rules were finished and nothing was tuned on it.
//!
//! Labels and rules have one author, who knew the `test` rows when choosing the phrases that the rules look for. So
//! `fresh` says most about messages never seen, and no split says how well two people would agree.

use coach::{CoachInput, PreviousExchange};
use domain::{Locale, Topic};

/// One labelled question.
pub struct Labelled {
    pub split: String,
    pub topic: Topic,
    pub previous: Option<(String, String)>,
    pub message: String,
    /// Levels in rubric order; `None` where the dimension doesn't apply.
    pub levels: [Option<u8>; 6],
}

impl Labelled {
    pub fn asked(&self) -> CoachInput<'_> {
        CoachInput {
            topic: &self.topic,
            message: &self.message,
            previous: self.previous.as_ref().map(|(question, answer)| PreviousExchange { question, answer }),
            locale: self.locale(),
        }
    }

    /// The language the student writes.
    pub fn locale(&self) -> Locale {
        if self.message.chars().any(|c| matches!(c, '가'..='힣' | 'ㄱ'..='ㅣ')) { Locale::Ko } else { Locale::En }
    }
}

pub fn questions() -> Vec<Labelled> {
    parse(include_str!("questions.tsv"))
}

pub fn rubric() -> Vec<Labelled> {
    parse(include_str!("rubric.tsv"))
}

fn parse(file: &str) -> Vec<Labelled> {
    file.lines().filter(|line| !line.starts_with('#')).map(row).collect()
}

fn row(line: &str) -> Labelled {
    let fields: Vec<_> = line.split('\t').collect();
    let [split, topic, question, answer, message, levels] = fields[..] else { panic!("six fields: {line}") };
    let levels: Vec<_> = levels.split(' ').map(|level| level.parse().ok()).collect();
    Labelled {
        split: split.to_owned(),
        topic: Topic::parse(topic).expect("a topic"),
        previous: (question != "-").then(|| (question.to_owned(), answer.to_owned())),
        message: message.to_owned(),
        levels: levels.try_into().expect("six levels"),
    }
}
