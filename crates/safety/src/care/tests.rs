use super::*;

fn level(message: &str) -> Option<Level> {
    find_danger(message).map(|danger| danger.level)
}

#[test]
fn a_child_in_immediate_danger_is_heard() {
    for message in [
        "요즘 너무 힘들어서 죽고 싶어요",
        "그냥 다 끝내고 사라지고 싶다",
        "손목을 그었는데 피가 안 멈춰요",
        "옥상에 올라왔어요 뛰어내릴 거예요",
        "아빠가 술 마시고 또 때렸어요 무서워요",
        "새아빠가 때려서 집에 들어가기 무서워요",
        "학원 선생님이 자꾸 제 몸을 만져요",
        "사진 안 보내면 학교에 다 퍼뜨린대요",
        "오픈채팅에서 만난 아저씨가 야한 사진 보내래요",
        "일차방정식 2번 답이 3 맞나요? 그리고 저 오늘 밤에 죽으려고요",
        "I want to die, I can't do this anymore",
        "my dad hits me every night and i'm scared",
    ] {
        assert_eq!(level(message), Some(Level::Immediate), "{message}");
    }
}

#[test]
fn a_cause_for_concern_is_heard() {
    for message in [
        "반 애들이 저만 빼고 단톡방을 만들었어요",
        "점심을 맨날 혼자 먹어요 아무도 저랑 말 안 해요",
        "애들이 저를 괴롭혀요 학교 가기 싫어요",
        "엄마가 며칠째 집에 안 들어와서 밥을 못 먹었어요",
        "먹고 나면 손가락 넣어서 다 토해요",
        "토토로 빚이 50만원 생겼어요 어떡해요",
        "오늘 집을 나갈 거예요 갈 데가 없어요",
        "친구가 자꾸 자해를 해요 어떻게 도와줘요",
        "제 친구가 아빠한테 맞는대요",
        "nobody talks to me at school, they all ignore me",
    ] {
        assert!(level(message).is_some(), "{message}");
    }
}

#[test]
fn a_lesson_on_hard_things_stays_a_lesson() {
    for message in [
        "",
        "ㅋㅋㅋㅋ",
        "우리나라 자살률은 왜 높아요?",
        "주인공이 죽고 싶어 하는 장면을 쓰고 있어요",
        "학교 폭력을 줄이는 방법 세 가지",
        "배고파 죽겠어요",
        "이순신은 어떻게 죽었어요?",
        "로미오와 줄리엣은 왜 둘 다 죽어요?",
        "3·1 운동 때 일본 경찰이 사람들을 때렸나요?",
        "게임에서 보스한테 맞아서 죽었는데 어떻게 깨요",
        "세포는 왜 죽나요?",
        "광합성이 뭐예요?",
        "고마워",
        "더 알려줘",
        "나는 요즘 행복해요",
        "우리 동네 도서관에 의자가 더 있으면 좋겠어요",
        "식칼로 감자 자르는 법 알려줘",
        "Why did Hamlet's friend die?",
    ] {
        assert_eq!(level(message), None, "{message}");
    }
}

#[test]
fn spaces_and_repeated_letters_do_not_hide_a_cry() {
    for message in
        ["죽고싶어요진짜", "죽고 싶 어 요 진짜", "주 고싶어요ㅠㅠㅠㅠㅠㅠ 죽고싶어요", "죽\u{200b}고 싶어요 진짜"]
    {
        assert!(level(message).is_some(), "{message}");
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_read(message in "\\PC{0,200}|[ㄱ-ㅣ가-힣 .?!\"']{0,200}") {
        let _ = find_danger(&message);
    }
}

#[test]
fn features_grow_with_the_length_of_a_message() {
    for unit in ["아", "ㅋ", "1", "a ", "가나", "😀", "죽고 싶어요 "] {
        let long = unit.repeat(64 * 1024 / unit.len());
        assert!(features(&long).len() <= 16 * long.chars().count() + 16, "{unit}");
        let _ = find_danger(&long);
    }
}
