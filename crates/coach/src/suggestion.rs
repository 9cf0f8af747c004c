//! Three questions to send next: the student's own one made better, then others on the topic.

use super::{
    Assessment,
    analysis::{MessageAnalysis, is_question, sentences},
    choice::{self, pick},
    cues::{FINISHED_WORK, QUESTION, WISH, is_content, phrases},
    followup::repeats,
    kind::Kind,
    stock_questions, subject, wording,
};
use domain::{
    Locale, Preset,
    feedback::{DimId, TopicFit},
};
use korean::{
    Text,
    particles::fill,
    words::{are_related, words},
};

phrases! {
    /// What a student writes, or a part of it.
    FORM = "소설|시|동시|이야기|동화|수필|글|주인공|인물|등장인물|캐릭터|악당|문장|결말|제목|대사|배경|장면|첫 줄|story|stories|poem*|novel*|character*|villain*|hero|scene*|ending|sentence*|chapter*";
}

/// Longest question of the student's that is taken into a suggestion, in characters.
const OWN_MAX_CHARS: usize = 90;

/// Exactly three different questions, the first of them for `target`, at least one to complete.
pub(super) fn three(analysis: &MessageAnalysis<'_>, assessment: &Assessment, targets: &[DimId]) -> Vec<String> {
    let asked = analysis.asked;
    let words = wording::of(asked.locale);
    let salt = choice::hash(asked.message);
    let it = subject::of(analysis);
    let shown = it.map(|it| shown(it, asked.locale));
    let preset = asked.topic.preset();
    let own = own_question(analysis).filter(|_| assessment.topic == TopicFit::On);
    let topic = asked.topic.as_str();
    // Questions from the side of the topic, for what the message is about.
    let form = preset == Some(Preset::Literature) && it.is_some_and(|it| FORM.is_in(&Text::new(it)));
    let sides = match it {
        _ if form => words.forms,
        // The first of these joins the subject to the topic, which here are the same.
        Some(it) if preset.is_none() && touches(it, topic) => &(words.bridge)(preset)[1..],
        Some(it) if !subject::is_broad(it) => (words.bridge)(preset),
        _ => (words.stock_questions)(preset),
    };

    let mut offers: Vec<String> = Vec::new();
    let mut offer = |template: &str| {
        let values = [
            ("it", shown.as_deref().unwrap_or("")),
            ("q", own.as_deref().unwrap_or("")),
            ("topic", wording::topic_name(asked.locale, asked.topic)),
        ];
        offers.push(fill(template, &values));
    };
    if FINISHED_WORK.is_in(&analysis.text) && analysis.kind == Kind::Plain {
        offer(pick(words.hints, salt));
        offer(pick(words.hints, salt + 1));
    } else if assessment.level(DimId::Followup) == Some(1) {
        offer(pick(words.more, salt));
        offer(pick(words.more, salt + 1));
    } else if assessment.topic == TopicFit::Off && it.is_none() && !analysis.content.is_empty() {
        offer(pick(words.join, salt));
    } else if it.is_some() && assessment.topic != TopicFit::On {
        offer(pick(sides, salt));
    } else if let Some(first) = targets.first().filter(|_| analysis.kind == Kind::Plain) {
        let unclear = assessment.level(DimId::Clarity).unwrap_or(0) < 2;
        match (&own, it) {
            (Some(_), _) if !unclear || it.is_none() => {
                offer(pick((words.rewrite)(*first), salt));
                if let Some(second) = targets.get(1) {
                    offer(pick((words.rewrite)(*second), salt / 3));
                }
            }
            (_, Some(_)) => {
                offer(pick(if form { sides } else { words.about }, salt));
                offer(pick(sides, salt / 5));
            }
            _ => {}
        }
    }
    if it.is_some() && analysis.kind == Kind::Plain && !FINISHED_WORK.is_in(&analysis.text) {
        offer(pick(sides, salt / 7));
        offer(pick(sides, salt / 7 + 1));
    }
    if asked.previous.is_some() && assessment.topic == TopicFit::On {
        // The second of them needs no question of the student's.
        offer((words.rewrite)(DimId::Followup)[1]);
    }
    choose(offers, stock_questions::all(asked.topic, asked.locale, salt), asked.message)
}

/// Whether a subject speaks of the topic itself.
fn touches(it: &str, topic: &str) -> bool {
    words(it).any(|word| words(topic).any(|name| are_related(word.stem, name.stem)))
}

/// The subject as it stands in a question. A lone English noun lacks its article, so it is quoted as a word.
fn shown(it: &str, locale: Locale) -> String {
    let word = it.is_ascii() && locale == Locale::En && !it.contains(' ');
    let plain = it.ends_with('s') || it.starts_with(|c: char| c.is_ascii_uppercase());
    if word && !plain { format!("“{it}”") } else { it.to_owned() }
}

/// The first three that are different, from the message too; stock questions fill up.
fn choose(offers: Vec<String>, stock_questions: Vec<String>, message: &str) -> Vec<String> {
    let mut chosen: Vec<String> = Vec::with_capacity(3);
    for offer in offers.into_iter().chain(stock_questions) {
        // One stem is enough of an exercise where another question is at hand, but one there must be.
        let last_chance = chosen.len() == 2 && !chosen.iter().any(|q| q.contains("___")) && !offer.contains("___");
        if !last_chance && !repeats(&offer, message) && !chosen.iter().any(|old| repeats(old, &offer)) {
            chosen.push(offer);
        }
        if chosen.len() == 3 {
            break;
        }
    }
    // The note speaks of the ___ in the first question.
    if let Some(stem) = chosen.iter().position(|question| question.contains("___")) {
        chosen.swap(0, stem);
    }
    chosen
}

/// The student's last question, ready to stand in a longer one.
fn own_question(analysis: &MessageAnalysis<'_>) -> Option<String> {
    let question = sentences(analysis.asked.message).filter(|sentence| is_question(sentence));
    let last = question.last().filter(|last| is_sentence(last))?;
    // "왜 그럴까요?" alone says nothing: it goes with what was told before it.
    let content = words(last).filter(is_content).count();
    let told = analysis.statements.last().filter(|told| content <= 1 && told.len() + last.len() <= 3 * OWN_MAX_CHARS);
    let question = told.into_iter().chain([&last]).flat_map(|s| s.split_whitespace()).collect::<Vec<_>>().join(" ");
    let bare = question.trim_end_matches(|c: char| !c.is_alphanumeric());
    if question.chars().count() > OWN_MAX_CHARS || analysis.content.is_empty() || WISH.is_in(&Text::new(&question)) {
        return None;
    }
    if bare.ends_with('좀') {
        return Some(format!("{bare} 알려 주세요."));
    }
    let text = Text::new(&question);
    let mark = if question.contains('?') || QUESTION.is_in(&text) && !ends_in_request(bare) { '?' } else { '.' };
    Some(format!("{bare}{mark}"))
}

/// Whether it can stand beside other sentences: a few nouns can't.
fn is_sentence(text: &str) -> bool {
    let bare = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    let verbal = ["요", "줘", "까", "니", "나", "지", "다", "야", "해", "돼", "냐", "죠", "좀", "임"];
    text.is_ascii() || text.contains('?') || verbal.iter().any(|end| bare.ends_with(end))
}

fn ends_in_request(bare: &str) -> bool {
    ["줘", "세요", "줘요", "주라", "궁금해요", "궁금해", "please"].iter().any(|end| bare.ends_with(end))
        || ["explain", "tell", "give", "describe", "show", "please", "compare"]
            .iter()
            .any(|begin| bare.to_ascii_lowercase().starts_with(begin))
}
