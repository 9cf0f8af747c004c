//! 구조: one plain question, parts in an order, or parts with their relation?

use super::{
    Rating,
    analysis::MessageAnalysis,
    cues::{QUESTION, phrases},
    quotation::quote_sentence,
};

phrases! {
    /// How the parts hang together.
    RELATION = "비교|차이|다른지|달라요|달라$|다를까|다르지|다른 거|찬반|다르고|다른가|다른 점|헷갈|대비|나누어|나눠|구분|장단점|좋고 나쁜|찬성과 반대|원인과 결과|원인을 먼저|그다음|그 다음|차례로|순서대로|단계별|보다 안전|인지 아니면|vs|compare|comparison|difference*|pros and cons|cause and effect|and then|first tell|on the other hand";
    /// A clause that leads up to the question.
    LEAD = "는데,|은데,|인데,|는데$|은데$|인데$|라서$|려면$|으면$|하면$|면$|때문에|지만|다면|and|because|so that|but|if";
    /// A second part joined to the first.
    JOINED = "그리고|그런지도|이유도|각각|있으면|기준으로|사례 #개|사례 두|예를 들어|첫째|둘째|then";
}

pub(super) fn rate<'a>(analysis: &MessageAnalysis<'a>) -> Rating<'a> {
    let text = &analysis.text;
    if analysis.content.is_empty() && !analysis.is_question() || is_tangled(analysis) {
        return Rating::NONE;
    }
    if let Some(relation) = RELATION.quote(text).filter(|_| analysis.is_question()) {
        return Rating::of(3, relation);
    }
    let parts = analysis.statements.len() + analysis.question_count;
    if analysis.is_question() && parts >= 2 {
        let first = analysis.statements.first().copied().unwrap_or_else(|| analysis.opening());
        return Rating::of(2, quote_sentence(first));
    }
    if analysis.is_question() && analysis.content.len() >= 4 {
        let lead = JOINED.quote(text).or_else(|| LEAD.quote(text).filter(|_| analysis.content.len() >= 6));
        if let Some(lead) = lead {
            return Rating::of(2, lead);
        }
    }
    Rating::of(1, analysis.opening())
}

/// Several questions in one breath, with nothing that orders them.
pub(super) fn is_tangled(analysis: &MessageAnalysis<'_>) -> bool {
    let questions = QUESTION.iter(&analysis.text).take(4).count();
    questions >= 3 && analysis.statements.is_empty() && !RELATION.is_in(&analysis.text)
}
