//! The note: praise that rests on words, the one most useful improvement, the next step, three questions.

use super::{
    Assessment, Rating,
    analysis::MessageAnalysis,
    assess_analysis,
    choice::{self, pick},
    cues::FINISHED_WORK,
    followup::repeats,
    kind::Kind,
    quotation::{cut_between_words, on_one_line},
    suggestion, wording,
};
use domain::{
    Feedback, escape_markdown,
    feedback::{DimId, Source, TopicFit},
};
use korean::particles::fill;

/// What to improve first: the order in which a question gains most.
const ORDER: [DimId; 6] =
    [DimId::Relevance, DimId::Clarity, DimId::Goal, DimId::Context, DimId::Structure, DimId::Followup];

/// What to praise first: what is rarest in students' questions.
const RAREST: [DimId; 6] =
    [DimId::Followup, DimId::Context, DimId::Structure, DimId::Goal, DimId::Clarity, DimId::Relevance];

/// Longest quotation in a sentence, in characters.
const QUOTE_CHARS: usize = 28;

/// The three parts of a note before its questions.
struct Parts {
    strengths: String,
    improvements: String,
    next_steps: String,
}

pub(super) fn write(analysis: &MessageAnalysis<'_>) -> Feedback {
    let assessment = assess_analysis(analysis);
    let mut targets = targets(&assessment);
    if repeated(analysis) {
        targets.insert(0, DimId::Followup);
    }
    let parts = parts(analysis, &assessment, &targets);
    let suggested_questions = if analysis.in_danger {
        wording::of(analysis.asked.locale).care_questions.iter().map(|&question| question.to_owned()).collect()
    } else {
        suggestion::three(analysis, &assessment, &targets)
    };
    let raw_feedback = markdown(analysis, &parts, &suggested_questions);
    Feedback {
        strengths: parts.strengths,
        improvements: parts.improvements,
        next_steps: parts.next_steps,
        suggested_questions,
        raw_feedback,
        source: Source::Coach,
        topic: assessment.topic,
        dims: assessment.dims,
    }
}

/// The dimensions that may improve, the most useful first: what is missing comes before what could be finer.
fn targets(assessment: &Assessment) -> Vec<DimId> {
    let missing = ORDER.into_iter().filter(|&id| assessment.level(id).is_some_and(|level| level < 2));
    let finer = ORDER.into_iter().filter(|&id| assessment.level(id) == Some(2));
    missing.chain(finer).collect()
}

fn parts(analysis: &MessageAnalysis<'_>, assessment: &Assessment, targets: &[DimId]) -> Parts {
    let words = wording::of(analysis.asked.locale);
    let salt = choice::hash(analysis.asked.message);
    let topic = wording::topic_name(analysis.asked.locale, analysis.asked.topic);
    let opening = short(analysis.opening());
    let fill_in = |template: &str, quote: &str| fill(template, &[("quote", quote), ("topic", topic)]);
    let all = |tables: &[&[&str]; 3]| Parts {
        strengths: fill_in(pick(tables[0], salt), &opening),
        improvements: fill_in(pick(tables[1], salt / 3), &opening),
        next_steps: fill_in(pick(tables[2], salt / 7), &opening),
    };
    if analysis.in_danger {
        return all(&words.care);
    }
    match analysis.kind {
        Kind::Noise => return all(&words.noise),
        Kind::Greeting => return all(&words.greeting),
        Kind::Thanks => return all(&words.thanks),
        Kind::Plain => {}
    }
    let finished_work = FINISHED_WORK.is_in(&analysis.text);
    if assessment.topic == TopicFit::Off && !finished_work {
        return all(if analysis.content.is_empty() { &words.noise } else { &words.off });
    }
    let strengths = strengths(analysis, assessment, salt);
    let pair = |tables: &[&[&str]; 2], quote: &str| {
        (fill_in(pick(tables[0], salt / 3), quote), fill_in(pick(tables[1], salt / 7), quote))
    };
    let (improvements, next_steps) = match targets.first() {
        _ if finished_work => pair(&words.finished_work, &short(FINISHED_WORK.quote(&analysis.text).unwrap_or(""))),
        _ if repeated(analysis) => pair(&[words.repeated, (words.next)(DimId::Followup)], &opening),
        Some(&target) => {
            let quote = assessment.quote(target);
            let quote = if quote.is_empty() { opening } else { short(quote) };
            pair(&[(words.improve)(target, assessment.level(target) == Some(2)), (words.next)(target)], &quote)
        }
        None => pair(&words.whole, &opening),
    };
    Parts { strengths, improvements, next_steps }
}

/// Praise for the best of what is there, and for a second thing if that is very good too.
fn strengths(analysis: &MessageAnalysis<'_>, assessment: &Assessment, salt: u64) -> String {
    let words = wording::of(analysis.asked.locale);
    let mut best: Vec<(DimId, Rating<'_>)> = RAREST
        .into_iter()
        .map(|id| (id, Rating { level: assessment.level(id), quote: assessment.quote(id) }))
        .filter(|(_, mark)| mark.level.is_some_and(|level| level >= 2))
        .collect();
    // Stable: among equals the rarest stays first. To be on the topic is praised after what was done there.
    best.sort_by_key(|(id, mark)| (*id == DimId::Relevance, std::cmp::Reverse(mark.level)));
    let fill_in = |template: &str, quote: &str| {
        fill(
            template,
            &[("quote", &short(quote)), ("topic", wording::topic_name(analysis.asked.locale, analysis.asked.topic))],
        )
    };
    // To name a thing of the topic, and no more, is a beginning.
    let (id, mark) = match best.first() {
        None => return fill_in(pick(words.beginning, salt), analysis.opening()),
        Some((DimId::Relevance, mark)) if mark.level == Some(2) => {
            return fill_in(pick(words.beginning, salt), mark.quote);
        }
        Some(best) => best,
    };
    let first = fill_in(pick((words.praise)(*id), salt), mark.quote);
    let second = best[1..].iter().find(|(_, other)| other.level == Some(3) && !overlaps(other.quote, mark.quote));
    match second {
        Some((id, mark)) => format!("{first} {}", fill_in((words.also)(*id), mark.quote)),
        None => first,
    }
}

/// Whether the question was sent before.
fn repeated(analysis: &MessageAnalysis<'_>) -> bool {
    analysis.asked.previous.is_some_and(|before| repeats(analysis.asked.message, before.question))
}

fn overlaps(a: &str, b: &str) -> bool {
    a.contains(b) || b.contains(a)
}

/// A quotation that fits into a sentence: one line, cut between words.
fn short(quote: &str) -> String {
    let quote = on_one_line(quote);
    let quote = quote.trim_end_matches(['.', ',', '!']);
    let cut = cut_between_words(quote, QUOTE_CHARS);
    if cut.len() < quote.len() { format!("{cut}…") } else { cut.to_owned() }
}

fn markdown(analysis: &MessageAnalysis<'_>, parts: &Parts, questions: &[String]) -> String {
    let [good, better, next, ask] = wording::of(analysis.asked.locale).titles;
    let mut out = String::new();
    for (title, text) in [(good, &parts.strengths), (better, &parts.improvements), (next, &parts.next_steps)] {
        out.push_str(&format!("### {title}\n{}\n\n", escape_markdown(text)));
    }
    out.push_str(&format!("### {ask}\n"));
    for (number, question) in (1..).zip(questions) {
        out.push_str(&format!("{number}. {}\n", escape_markdown(question)));
    }
    out.trim_end().to_owned()
}
