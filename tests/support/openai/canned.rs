//! Good answers for calls that nothing is scripted for. Schemas that change are followed here, and nowhere else.

use super::Purpose;
use serde_json::{Map, Value, json};

/// The chat's answer, in the pieces it is streamed in.
pub const CHAT: [&str; 12] = [
    "좋은 질문이에요! ",
    "먼저 **무엇을 알고 있는지** ",
    "떠올려 볼까요?\n\n",
    "1. 눈에 보이는 것부터 ",
    "적어 보아요.\n",
    "2. 왜 그런지 ",
    "짐작해 보아요.\n",
    "3. 짐작이 맞는지 ",
    "확인할 방법을 찾아요.\n\n",
    "> 예를 들어, ",
    "하루 동안 세 번 살펴보고 표로 적을 수 있어요.\n\n",
    "어느 것부터 해 보고 싶나요?",
];

/// The text for a purpose, in the pieces it is streamed in.
pub fn chunks(purpose: Purpose, request: &Value) -> Vec<String> {
    match purpose {
        Purpose::Chat => essay_wanted(request).map_or_else(|| CHAT.map(str::to_owned).to_vec(), essay),
        Purpose::Tutor => pieces(&tutor(request)),
        Purpose::Guide => pieces(&guide(request)),
    }
}

/// What a message carries that wants the essay of a number.
pub const ESSAY: &str = "글 번호 ";

fn essay_wanted(request: &Value) -> Option<u64> {
    let question = request["messages"].as_array()?.iter().rfind(|message| message["role"] == "user")?;
    let number = question["content"].as_str()?.split_once(ESSAY)?.1;
    number.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// A long answer that no other number has, in pieces cut anywhere between two characters: prose in Korean and English,
/// emoji, lists, tables, code. No number in it has more than five digits: the program covers longer ones where they may be
/// somebody's.
pub fn essay(number: u64) -> Vec<String> {
    let mut random = fastrand::Rng::with_seed(number);
    let mut text = format!("# {number}번 글\n\n");
    for _ in 0..random.usize(3..9) {
        let word = random.u32(..100_000);
        text += &match random.u8(0..6) {
            0 => format!("식물은 **햇빛**으로 양분을 만들어요 🌱 {word}. 그래서 그늘에서는 *천천히* 자라요.\n\n"),
            1 => format!("- 잎 {word}\n- 줄기 🌿\n  - 뿌리\n\n"),
            2 => format!("| 색 | 값 |\n|---|--:|\n| 빨강 | {word} |\n| 파랑 | 450 |\n\n"),
            3 => format!("```python\nx = {word}  # 파이썬\nprint(x)\n```\n\n"),
            4 => format!("> Light of {word} nm is scattered; 그래서 하늘이 파래요. 👩‍🔬\n\n"),
            _ => format!("1. 먼저 {word}번 살펴봐요.\n2. `적어` 봐요.\n\n"),
        };
    }
    text += "어느 것부터 해 보고 싶나요?";
    let mut letters = text.chars().peekable();
    let mut pieces = Vec::new();
    while letters.peek().is_some() {
        pieces.push(letters.by_ref().take(random.usize(1..12)).collect());
    }
    pieces
}

/// Notes that quote the first word of the student's message.
pub fn tutor(request: &Value) -> Value {
    let data = data(request).unwrap_or_default();
    let message = data.get("newest_message").and_then(Value::as_str).unwrap_or_default();
    let word = message.split_whitespace().next().unwrap_or_default();
    let dims = ["relevance", "clarity", "context", "goal", "structure", "followup"].map(|id| {
        json!({ "id": id, "evidence": word, "why": "이 말에서 무엇이 궁금한지 보여요.", "level": if id == "followup" { Value::Null } else { json!(2) } })
    });
    json!({
        "dims": dims,
        "topic": "on",
        "strengths": "궁금한 것을 한 문장으로 또렷하게 물었어요.",
        "improvements": "왜 궁금한지 한마디 덧붙이면 더 좋아요.",
        "next_steps": "다음에는 알고 있는 것을 먼저 적고 물어보세요.",
        "suggested_questions": [
            "이것이 우리 생활에 어떤 영향을 주나요?",
            "비슷한 예를 두 가지만 비교해 줄래요?",
            "내가 직접 확인해 보려면 무엇부터 하면 될까요?",
        ],
    })
}

/// A topic's introduction.
pub fn guide(_request: &Value) -> Value {
    json!({
        "guide_title": "함께 알아볼까요?",
        "guide_content": "이 주제에서는 **왜 그런지** 묻는 질문이 힘이 세요.\n\n- 본 것을 적어요.\n- 까닭을 짐작해요.",
        "starter_questions": [
            "이 주제에서 가장 먼저 알아볼 것은 무엇인가요?",
            "우리 동네에서 찾을 수 있는 예는 무엇인가요?",
            "사람들의 생각이 갈리는 부분은 어디인가요?",
        ],
    })
}

/// The data in a request's last user message: its JSON object, alone or amid other words. Behind instructions, which hold
/// examples, only a tutor's is found.
pub fn data(request: &Value) -> Option<Map<String, Value>> {
    let messages = request["messages"].as_array()?;
    let content = messages.iter().rfind(|message| message["role"] == "user")?["content"].as_str()?;
    let end = content.rfind('}')? + 1;
    let object = |begin: usize| -> Option<Map<String, Value>> { serde_json::from_str(content.get(begin..end)?).ok() };
    let is_tutors = |data: &Map<String, Value>| data.contains_key("newest_message");
    let behind = || content.match_indices('{').filter_map(|(begin, _)| object(begin)).find(is_tutors);
    object(content.find('{')?).or_else(behind)
}

fn pieces(document: &Value) -> Vec<String> {
    let letters: Vec<char> = document.to_string().chars().collect();
    letters.chunks(40).map(|piece| piece.iter().collect()).collect()
}
