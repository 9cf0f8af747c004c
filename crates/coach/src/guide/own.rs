//! The texts of a student's own topic.

use super::Texts;
use domain::{Locale, Topic};
use korean::particles::fill;

pub(super) fn examples(locale: Locale) -> [&'static str; 6] {
    match locale {
        Locale::Ko => [
            "우리 동네 길고양이",
            "게임은 왜 재미있을까",
            "K-팝의 비밀",
            "블랙홀",
            "용돈을 잘 쓰는 법",
            "급식 남기지 않기",
        ],
        Locale::En => [
            "Stray cats in our neighbourhood",
            "Why games are fun",
            "The secret of K-pop",
            "Black holes",
            "Using pocket money well",
            "Less food waste at school",
        ],
    }
}

pub(super) fn texts(topic: &Topic, locale: Locale) -> Texts<String> {
    match (locale, *topic == Topic::default()) {
        (Locale::Ko, false) => korean(topic.as_str()),
        (Locale::En, false) => english(topic.as_str()),
        (Locale::Ko, true) => korean_without_topic(),
        (Locale::En, true) => english_without_topic(),
    }
}

fn korean(topic: &str) -> Texts<String> {
    let quoted = format!("‘{topic}’");
    let [called, object] = ["‘{topic}’이라는(라는)", "‘{topic}’을(를)"].map(|text| fill(text, &[("topic", topic)]));
    Texts {
        greeting: format!(
            "안녕하세요! {called} 주제를 골랐네요. 이 주제의 어떤 점이 궁금한가요? 이미 아는 것이나 궁금해진 계기를 함께 들려주면 거기서부터 이야기해 볼게요."
        ),
        title: format!("{object} 내 질문으로 알아봐요"),
        introduction: format!(
            "스스로 고른 주제에는 벌써 나만의 궁금증이 들어 있어요. {object} 넓게 한 번 둘러본 다음, 가장 궁금한 한 곳을 골라 깊이 물어보세요."
        ),
        tips: [
            "무엇을 이미 알고 있는지, 왜 궁금해졌는지 먼저 말해 주세요. 그러면 나에게 꼭 맞는 답에 가까워져요.",
            "바라는 답의 모양을 말해 주세요. ‘까닭 두 가지’, ‘표로 비교해서’, ‘초등학생 동생도 알 수 있게’처럼요.",
            "답에서 걸리는 낱말이나 의심스러운 곳을 골라 다시 물어보세요. AI도 틀릴 수 있어요.",
        ]
        .map(str::to_owned),
        starters: [
            format!(
                "{quoted}에 대해 처음 알아보는 중학생이에요. 먼저 알아야 할 것 세 가지를 쉬운 예와 함께 순서대로 알려 주세요."
            ),
            format!(
                "{quoted}에 대해 사람들 생각이 갈리는 점이 있나요? 서로 다른 의견 두 가지를 까닭과 함께 비교해 주세요."
            ),
            format!(
                "친구에게 {object} 1분 동안 재미있게 이야기해 주고 싶어요. 친구가 ‘정말?’ 하고 놀랄 만한 점 하나와 그 까닭을 알려 주세요."
            ),
        ],
    }
}

fn korean_without_topic() -> Texts<String> {
    Texts {
        greeting: "안녕하세요! 오늘은 무엇이 궁금한가요? 궁금해진 계기나 이미 아는 것을 함께 들려주면 거기서부터 이야기해 볼게요.".to_owned(),
        title: "궁금한 것에서 시작해요".to_owned(),
        introduction: "아직 정해 둔 주제가 없어도 괜찮아요. 오늘 하루 ‘어, 왜 그러지?’ 했던 일을 하나 떠올려 보세요. 작은 궁금증도 잘 물으면 훌륭한 탐구가 돼요.".to_owned(),
        tips: korean("").tips,
        starters: [
            "요즘 공부할 때 자꾸 딴생각이 나요. 왜 그런지 까닭을 먼저 설명하고, 10분 안에 해 볼 수 있는 방법 두 가지를 알려 주세요.",
            "꿈은 왜 깨고 나면 금방 잊힐까요? 지금까지 알려진 설명 두 가지를 비교해 주세요.",
            "동생이 ‘공룡이 지금도 있으면 어떻게 돼?’ 하고 물었어요. 좋은 점과 곤란한 점을 하나씩, 여섯 살도 알아듣게 설명해 주세요.",
        ]
        .map(str::to_owned),
    }
}

fn english(topic: &str) -> Texts<String> {
    Texts {
        greeting: format!(
            "Hello! You chose “{topic}”. What would you like to know about it? Tell me what you already know or what made you curious, and we'll start from there."
        ),
        title: format!("Open up “{topic}” with your own questions"),
        introduction: format!(
            "You chose “{topic}” yourself, so the best questions are already in you. Look around widely once, then pick the one spot that interests you most and ask deeper."
        ),
        tips: [
            "Begin with what you know and why you are curious. The answer will fit you better.",
            "Say what kind of answer you want: “two reasons”, “a table”, “so that my little sister understands”.",
            "Pick a word or a doubtful spot in the answer and ask again. AI can be wrong.",
        ]
        .map(str::to_owned),
        starters: [
            format!(
                "I'm 13 and new to “{topic}”. Tell me the three things to know first, in order, each with an easy example."
            ),
            format!(
                "What do people disagree about when it comes to “{topic}”? Compare two opinions with their reasons."
            ),
            format!(
                "I want to tell a friend about “{topic}” in one minute and make it fun. Give me one surprising point and the reason behind it."
            ),
        ],
    }
}

fn english_without_topic() -> Texts<String> {
    Texts {
        greeting: "Hello! What are you curious about today? Tell me what you already know or what made you wonder, and we'll start from there.".to_owned(),
        title: "Start with what makes you wonder".to_owned(),
        introduction: "It's fine if you have no topic yet. Think of one moment today when you wondered “why is that?”. Even a small wonder, well asked, becomes an inquiry.".to_owned(),
        tips: english("").tips,
        starters: [
            "My mind wanders when I study. First explain why that happens, then give me two things I can try within ten minutes.",
            "Why do we forget dreams so soon after waking up? Compare two explanations that people have found.",
            "My little brother asked what would happen if dinosaurs still lived. Tell me one good thing and one problem so that a six-year-old understands.",
        ]
        .map(str::to_owned),
    }
}
