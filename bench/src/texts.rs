//! What the student asks and what the model writes, the same in every call, so that all servers do the same work.

use serde_json::json;

/// The student's topic.
pub const TOPIC: &str = "과학 탐구";

/// The part of every question that the tutor quotes.
const QUOTED: &str = "식물은 왜 햇빛이 있어야 자라나요?";

/// The question of a turn, counted from 0.
pub fn question(turn: usize) -> String {
    format!("{}번째 질문이에요. {QUOTED} 우리 교실 창가의 화분으로 예를 들어 주세요.", turn + 1)
}

/// A question on which the model server begins a response and writes nothing.
pub const SILENT_QUESTION: &str = "아무 말 없이 기다려 주세요.";

/// The model's answer, as Markdown.
pub const ANSWER: &str = "\
좋은 질문이에요! 식물은 햇빛을 받아 스스로 양분을 만들어요. 이 과정을 **광합성**이라고 해요. 사람은 밥을 먹고 힘을 얻지만 \
식물은 밥을 먹을 수 없어서 잎에서 직접 만드는 셈이에요. 그래서 햇빛이 모자라면 줄기만 길어지고 잎은 노래져요.

광합성에는 세 가지가 필요해요.

- **빛**: 잎 속의 엽록소가 햇빛을 받아들여요.
- **물**: 뿌리가 흙에서 빨아올려 잎까지 보내요.
- **이산화 탄소**: 잎 뒷면의 작은 구멍인 기공으로 들어와요.

창가의 화분으로 간단한 실험을 해 볼 수 있어요. 같은 화분 두 개를 준비해서 하나는 창가에, 하나는 상자 속에 두고 물은 똑같이 \
주세요. 한 주 동안 잎의 수를 적으면 아래처럼 견줄 수 있어요.

```python
window = [4, 5, 5, 6, 7]
box = [4, 4, 4, 3, 3]
for day, (a, b) in enumerate(zip(window, box)):
    print(day, a - b)
```

표를 보면 날이 갈수록 차이가 커져요. 이 차이가 햇빛이 한 일이에요. 다만 온도처럼 다른 조건이 달라지면 결과를 믿기 \
어려우니, 빛만 다르게 하는 것이 중요해요.

그렇다면 밤에는 식물이 무엇을 하고 있을까요? 먼저 생각해 보고 알려 주세요.";

/// The tutor's reply to every question, with quotes that stand in each.
pub fn feedback() -> String {
    let dim = |evidence: &str, why: &str, level: u8| json!({ "evidence": evidence, "why": why, "level": level });
    json!({
        "dims": {
            "relevance": dim("햇빛이 있어야", "과학 탐구에서 어떤 면을 묻는지 짚었어요.", 3),
            "clarity": dim(QUOTED, "한 가지 뜻으로 읽히고 무엇을 묻는지 분명해요.", 2),
            "context": dim("우리 교실 창가의 화분", "어디에 있는 어떤 식물인지 알려 주었어요.", 2),
            "goal": dim("예를 들어 주세요", "어떤 모양의 답을 바라는지 말했어요.", 2),
            "structure": dim(QUOTED, "질문 하나를 또렷하게 물었어요.", 1),
            "followup": { "evidence": "", "why": "", "level": null },
        },
        "strengths": "우리 교실 창가의 화분이라고 말해 주어서 대화 AI가 눈앞에 있는 것으로 설명할 수 있어요.",
        "improvements": "지금까지 알고 있는 것을 한 가지 더하면 그다음부터 설명을 들을 수 있어요.",
        "next_steps": "답에서 처음 본 낱말을 하나 골라 무슨 뜻인지 물어보세요.",
        "suggested_questions": [
            "창가의 화분과 교실 안쪽의 화분은 한 달 뒤에 어떻게 달라질까요?",
            "햇빛 대신 전등을 비추어도 식물이 자랄 수 있는지 까닭과 함께 알려 주세요.",
            "나는 ___까지 알고 있어요. 광합성에서 그다음에는 무슨 일이 일어나나요?",
        ],
    })
    .to_string()
}

/// Cuts a text into this many pieces of about the same number of characters.
pub fn split(text: &str, pieces: usize) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let cut = |piece: usize| chars.len() * piece / pieces;
    (0..pieces).map(|piece| chars[cut(piece)..cut(piece + 1)].iter().collect()).collect()
}

/// Whether HTML shows all of [`ANSWER`].
pub fn shows_answer(html: &str) -> bool {
    let text = without_tags(html);
    let mut rest = text.as_str();
    // Markdown's own signs are gone in HTML, so the words between them are looked for one after the other.
    let is_sign = |character: char| character.is_whitespace() || "*`-".contains(character);
    ANSWER.replace("```python", "").split(is_sign).filter(|word| !word.is_empty()).all(|word| match rest.find(word) {
        Some(at) => {
            rest = &rest[at + word.len()..];
            true
        }
        None => false,
    })
}

fn without_tags(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut is_tag = false;
    for character in html.chars() {
        match character {
            '<' => is_tag = true,
            '>' => is_tag = false,
            _ if !is_tag => text.push(character),
            _ => {}
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pieces_of_a_text_are_the_text() {
        let pieces = split(ANSWER, 60);
        assert_eq!((pieces.len(), pieces.concat().as_str()), (60, ANSWER));
        assert!((540..=680).contains(&ANSWER.chars().count()), "{}", ANSWER.chars().count());
        assert_eq!(split(&feedback(), 176).concat(), feedback());
    }

    #[test]
    fn an_answer_without_its_end_is_not_whole() {
        let html = ANSWER.replace("```python", "<pre>").replace("```", "</pre>").replace("**", "<b></b>");
        assert!(shows_answer(&html));
        assert!(!shows_answer(&html[..html.floor_char_boundary(html.len() - 20)]));
    }
}
