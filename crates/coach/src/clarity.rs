//! 명확성: is it clear what is asked?

use super::{
    Rating,
    analysis::{MessageAnalysis, is_question, sentences},
    cues::{ASK, FINISHED_WORK, MORE, QUESTION, phrases},
    structure,
};
use korean::Text;

phrases! {
    /// What is asked for, when no word asks.
    OBJECT = "방법|법$|하는 법|는 법|이유|까닭|원인|결과|차이|뜻|의미|과정|순서|단계|장점|단점|예시|예를|사례|근거|특징|종류|역할|영향|해결책|비교|점을|질문|프롬프트|how to|reason*|cause*|difference*|example*|meaning|steps|way|ways|effect*|compare|joke";
    /// "About it", with no word on what of it.
    ABOUT = "에 대해|에 대하여|에 관해|대해서|관해서|about";
    /// How many, which, for whom, how long, how.
    SCOPE = "#가지|#개|#줄|#문장|#분|#초|#시간|#일|#주|#달|#명|#쪽|#장|#곡|#편|#자|#단계|#줄짜리|#번$|#문단|#살|#학년|지 않고|지 않게|않으면서|없이|이내|중에서|가운데|표로|중심으로|관점|수준|초등학생|중학생|쉽게|쉬운|짧게|순서대로|단계별|단계로|랑 비교|각각|!답만 알려|할 수 있게|만 알려|만 추천|만 골라|만 정리|만 써|# reason*|# way*|# example*|# step*|# minute*|# line*|# sentence*|# paragraph*|# point*|# point|in a table|step by step|like i'm|without|only|for a|for my|within|between|in simple words|compare";
}

pub(super) fn rate<'a>(analysis: &MessageAnalysis<'a>) -> Rating<'a> {
    let text = &analysis.text;
    if !analysis.is_question() {
        return Rating::of_wish(analysis);
    }
    let question = QUESTION.quote(text);
    let object = OBJECT.quote(text);
    let ask = question.or_else(|| ASK.quote(text));
    let quote = analysis.question().or(ask).unwrap_or_else(|| analysis.opening());
    let words = analysis.content.len();
    let follows = analysis.asked.previous.is_some();
    if words == 0 && object.is_none() && !MORE.is_in(text) && !ASK.is_in(text) {
        return if follows { Rating::of(1, quote) } else { Rating::NONE };
    }
    let bare = question.is_none() && object.is_none() && !analysis.text.original().contains('?');
    let vague = ABOUT.is_in(text) && object.is_none() && question.is_none() && words <= 2
        || bare && words <= 3
        || MORE.is_in(text) && words <= 1
        || FINISHED_WORK.is_in(text) && words <= 4
        || structure::is_tangled(analysis);
    let scope = scope(analysis);
    if vague && scope.is_none() {
        return Rating::of(1, quote);
    }
    match scope {
        Some(scope) if words >= 2 => Rating::of(3, scope),
        _ => Rating::of(2, quote),
    }
}

/// The words that narrow the question itself: a number in a statement narrows nothing.
fn scope<'a>(analysis: &MessageAnalysis<'a>) -> Option<&'a str> {
    sentences(analysis.asked.message)
        .filter(|sentence| is_question(sentence))
        .find_map(|sentence| SCOPE.quote(&Text::new(sentence)))
}
