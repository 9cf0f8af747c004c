//! Why a level: one sentence for each dimension and level, in words a student reads.

use domain::{Locale, feedback::DimId};

/// The sentence for a level of a dimension.
pub(in super::super) fn why(locale: Locale, id: DimId, level: Option<u8>) -> &'static str {
    let table = match locale {
        Locale::Ko => ko(id),
        Locale::En => en(id),
    };
    match level {
        Some(level) => table[usize::from(level.min(3))],
        None => match locale {
            Locale::Ko => "첫 질문이라 아직 이어 갈 답이 없어요.",
            Locale::En => "This is the first question, so there is no answer to build on yet.",
        },
    }
}

fn ko(id: DimId) -> [&'static str; 4] {
    match id {
        DimId::Relevance => [
            "주제와 이어지는 말이 아직 보이지 않아요.",
            "주제에 닿을 듯 말 듯해요. 다리가 하나 있으면 이어져요.",
            "주제에 맞는 이야기예요.",
            "주제 가운데 어떤 점을 보고 싶은지도 드러나요.",
        ],
        DimId::Clarity => [
            "무엇을 묻는지 아직 알 수 없어요.",
            "여러 뜻으로 읽힐 수 있어요.",
            "무엇을 묻는지 한 가지로 읽혀요.",
            "무엇을 어디까지 묻는지 또렷해요.",
        ],
        DimId::Context => [
            "상황이나 아는 것이 아직 담기지 않았어요.",
            "상황이 살짝 보여요. 조금 더 자세하면 좋아요.",
            "답에 도움이 되는 사실이 들어 있어요.",
            "아는 것이나 해 본 것, 지켜야 할 조건까지 들어 있어요.",
        ],
        DimId::Goal => [
            "어떤 답을 바라는지 아직 보이지 않아요.",
            "알고 싶다는 마음은 보여요. 어떤 답을 바라는지는 열려 있어요.",
            "어떤 모양의 답을 바라는지 보여요.",
            "답을 어디에 쓸지까지 보여요.",
        ],
        DimId::Structure => [
            "나눌 부분이 아직 보이지 않거나 여러 가지가 엉켜 있어요.",
            "한 덩어리로 물었어요.",
            "부분을 차례로 놓았어요.",
            "부분들이 서로 어떤 사이인지도 보여요.",
        ],
        DimId::Followup => [
            "앞의 답과 이어지는 말이 아직 보이지 않아요.",
            "더 듣고 싶다는 마음이 보여요.",
            "앞의 답을 이어서 물었어요.",
            "앞의 답을 따져 보거나 다른 곳에 대어 보았어요.",
        ],
    }
}

fn en(id: DimId) -> [&'static str; 4] {
    match id {
        DimId::Relevance => [
            "No words yet that lead to the topic.",
            "It touches the topic; a bridge would join the two.",
            "It is about the topic.",
            "It also shows which side of the topic you want to look at.",
        ],
        DimId::Clarity => [
            "One cannot tell yet what you are asking.",
            "It can be read in more than one way.",
            "It can be read in one way only.",
            "It says clearly what you ask, and how far it goes.",
        ],
        DimId::Context => [
            "Nothing yet about your situation or what you know.",
            "A little of your situation shows; a detail more would help.",
            "It holds a fact that helps to answer.",
            "It tells what you know or tried, and what limits you have.",
        ],
        DimId::Goal => [
            "It does not show yet what kind of answer you want.",
            "You want to know; what kind of answer is still open.",
            "It shows what kind of answer you want.",
            "It even shows what you will use the answer for.",
        ],
        DimId::Structure => [
            "No parts yet, or several things in one knot.",
            "It is asked in one piece.",
            "It puts parts in an order.",
            "It also shows how its parts belong together.",
        ],
        DimId::Followup => [
            "No words yet that pick up the answer before.",
            "You want to hear more.",
            "It builds on the answer before.",
            "It tests the answer before, or tries it somewhere else.",
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_has_a_sentence_of_its_own() {
        for locale in [Locale::Ko, Locale::En] {
            let mut all: Vec<_> = DimId::ALL
                .iter()
                .flat_map(|&id| [None, Some(0), Some(1), Some(2), Some(3)].map(|l| why(locale, id, l)))
                .collect();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), 6 * 4 + 1);
        }
    }
}
