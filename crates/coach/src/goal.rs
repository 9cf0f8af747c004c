//! 목표: what kind of answer is wanted, and what for?

use super::{
    Rating,
    analysis::MessageAnalysis,
    cues::{ASK, QUESTION, phrases},
};

phrases! {
    /// What it is for, or how the student will know that it is good.
    PURPOSE = "려고 해|려고 하는|려고 합|려고요|쓰려고|만들려고|하려고|그리려면|기 위해|위해서|해야 하는데|해야 해요|해야 돼요|해야 합|할 수 있게|을 수 있게|수 있도록|쓸 수 있게|에 쓸|쓰고 싶|발표할|발표에|토론할|토론에서|때 쓰|대회|넣을 거|쓸 거|할 거야|할 거예요|낼 거|들려줄 거|보여 줄 거|소개하고 싶|설득하고 싶|공모전|제출|내야 해|!려고 했|so that|in order to|because i have to|i have to present|for my|for a school|for school|for a contest|to present|i need it|i need to|i am writing|i want to use";
    /// What kind of answer.
    KIND = "이유를|이유와|이유도|이유로|이유 알려|이유 설명|이유 좀|까닭을|까닭이|까닭은|까닭|원인을|원인과|원인이|비교|차이|장단점|장점|단점|예를|예시|쉬운 예|사례|근거|#가지|#개만|#개로|#곡|#줄|#자로|표로|그래프|요약|정리|순서|단계|차례|결과를|나누어|나눠|구분|어떤 점|어떤 기준|기준으로|어떤 비유|찬성과|의견을|무엇부터|해결책|같은 것|좋고 나쁜|비슷하고|무엇이 다르|무엇이 달라|뭐가 달라|뭐가 다르|어떻게 달라|찬반|더 쉽게|더 짧게|단계|어떻게 다른|그런지도|reasons|example*|ways|steps|compare|comparison|difference*|table|summary|summar*|pros and cons|advantages|list|outline|explain like|first tell";
}

pub(super) fn rate<'a>(analysis: &MessageAnalysis<'a>) -> Rating<'a> {
    let text = &analysis.text;
    if !analysis.is_question() {
        return Rating::of_wish(analysis);
    }
    if let Some(purpose) = PURPOSE.quote(text).filter(|_| analysis.content.len() >= 3) {
        return Rating::of(3, purpose);
    }
    if let Some(kind) = KIND.quote(text) {
        return Rating::of(2, kind);
    }
    // "How", after a stated situation, asks for a way.
    let how = super::followup::how(analysis);
    if let Some(how) = how.filter(|_| !analysis.statements.is_empty()) {
        return Rating::of(2, how);
    }
    let asked = analysis.question().or_else(|| QUESTION.quote(text)).or_else(|| ASK.quote(text));
    Rating::of(1, asked.unwrap_or_else(|| analysis.opening()))
}
