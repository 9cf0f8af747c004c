//! 주제: is it about the topic, and which aspect of it?

use super::{
    Rating,
    analysis::MessageAnalysis,
    cues::{CHALLENGE, FINISHED_WORK, MORE, REFERENCE, phrases},
    fields::match_topic,
    structure,
};
use domain::topic::DEFAULT_TOPIC;
use korean::{Found, Text, words::stem};

phrases! {
    WHY = "^왜|은왜|는왜|원리|까닭|why|how does|how do";
    ASPECT = "영향|원인|결과|차이|역할|의미|특징|생활|변화|관계|사례|근거|기준|장점|단점|책임|찬성|반대|이긴|만들었|effect*|cause*|difference*|role|meaning|impact|between";
}

pub(super) fn rate<'a>(analysis: &MessageAnalysis<'a>) -> Rating<'a> {
    let topic_match = match_topic(analysis.asked.topic, &analysis.text);
    let words = analysis.content.len();
    let own = analysis.asked.topic.preset().is_none();
    let aspect = ASPECT.is_in(&analysis.text);
    let (core, broad) = (topic_match.core.len(), topic_match.broad.len());
    let mut level = match (core, broad) {
        (0, 0) => 0,
        (0, _) if broad >= 2 && (words >= 3 && analysis.is_question() || !analysis.statements.is_empty()) => 2,
        (0, _) if words >= 3 && WHY.is_in(&analysis.text) => 2,
        // Of a student's own topic only the name and its neighbourhood are known.
        (0, _) if own && words >= 2 && analysis.is_question() => 2,
        (0, _) => 1,
        _ => 2,
    };
    // The head of a topic's name stands last: 하천 in 우리 동네 하천.
    let core_word = if own { topic_match.core.last() } else { topic_match.core.first() };
    let mut quote = core_word.or(topic_match.broad.first()).map(|found| noun(analysis, found));

    if level < 2
        && let Some(link) = link(analysis)
    {
        // It refers to an earlier message, which was about the topic.
        level = 2;
        quote = quote.or(Some(link));
    }
    if level == 0 && analysis.asked.topic.as_str() == DEFAULT_TOPIC && words > 0 {
        level = 2;
    }
    if level == 0 && topic_match.unknown && words > 0 && analysis.is_question() && !FINISHED_WORK.is_in(&analysis.text)
    {
        // Nothing is known of this topic but its name: the benefit of the doubt.
        level = 1;
    }
    if level == 0
        && words >= 2
        && analysis.is_question()
        && WHY.is_in(&analysis.text)
        && !FINISHED_WORK.is_in(&analysis.text)
    {
        // Why and how lead almost anywhere, and to turn a good question away is worse than to build it a bridge.
        level = 1;
    }
    let named = analysis.is_question() && words >= 3 || words >= 4 || aspect && core > 0 && words >= 2;
    if level == 2 && named && !structure::is_tangled(analysis) && !analysis.asked.topic.as_str().eq(DEFAULT_TOPIC) {
        level = 3;
    }
    Rating::of(level, quote.unwrap_or_else(|| analysis.opening()))
}

/// The word found, without its particle where it still holds all that was found.
fn noun<'a>(analysis: &MessageAnalysis<'a>, found: &Found) -> &'a str {
    let stem = stem(analysis.text.widen(found.range.clone()));
    let it = &analysis.asked.message[found.range.clone()];
    if stem.contains(it) { stem } else { it }
}

/// The words that tie the message to what was said before, if that was about the topic.
fn link<'a>(analysis: &MessageAnalysis<'a>) -> Option<&'a str> {
    let previous = analysis.asked.previous?;
    let topic = analysis.asked.topic;
    let about = |text| {
        let topic_match = match_topic(topic, &Text::new(text));
        !topic_match.core.is_empty() || !topic_match.broad.is_empty() || topic_match.unknown
    };
    if !about(previous.question) && !about(previous.answer) {
        return None;
    }
    MORE.quote(&analysis.text)
        .or_else(|| analysis.shared_word())
        .or_else(|| REFERENCE.quote(&analysis.text))
        .or_else(|| CHALLENGE.quote(&analysis.text))
        .or_else(|| {
            (analysis.is_question() && analysis.content.len() <= 1 && !analysis.text.original().contains("할래"))
                .then(|| analysis.opening())
        })
}
