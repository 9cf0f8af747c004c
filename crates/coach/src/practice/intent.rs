//! The intent of a message, and its keyword.

use crate::{
    analysis::is_question,
    cues::{FINISHED_WORK, HELLO, MORE, THANKS, phrases},
    fields::match_topic,
    kind::Kind,
};
use domain::Topic;
use korean::{
    Text,
    text::{is_jamo, is_letter},
    words::{Word, are_related, words},
};

/// The intent of a message, as far as the partner's reply depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MessageIntent {
    /// Hello.
    Greeting,
    /// Thanks.
    Thanks,
    /// Nothing meaningful: ㅋㅋㅋ, asdf.
    Noise,
    /// "더 알려줘".
    More,
    /// Only "왜?".
    Why,
    /// A request for the finished work.
    FinishedWork,
    /// Something of everyday life that needs a bridge to the topic.
    Bridge,
    /// A question or a request.
    Question,
    /// A statement, or a single word.
    Statement,
}

phrases! {
    WHY = "^왜$|^왜요$|^왜죠$|^왜 그래|^왜 그런|why|how come";
    /// What the practice partner reads as a request for the finished work besides the coach's list.
    ANSWER = "정답|답 다|homework|the answer|for me to copy";
    EVERYDAY = "게임|롤|티어|로블록스|마인크래프트|배그|급식|떡볶이|라면|치킨|저녁|점심|유튜브|틱톡|넷플릭스|웹툰|아이돌|아이폰|비트코인|연애|남친|여친|학원|심심|배고|졸려|재밌는|규칙을 무시|규칙 무시|프롬프트|game*|roblox|minecraft|tiktok|youtube|netflix|lunch|dinner|pizza|bored|hungry|joke|instructions|bitcoin";
    EMPTY = "^왜|어떻게|어떤|무엇|^뭐|뭔|뭘|무슨|어디|언제|누구|누가|얼마|^몇|알려|설명|말해|주세요|줘$|줄래|해줘|써줘|싶|궁금|^좀|^더$|^너무|^정말|^진짜|^그리고|^그런데|^근데|^그럼|^저는$|^제가$|^나는$|^내가$|^우리$|^이거|^그거|^것|^수$|^때$|^안$|^못$|^잘$|있어|있는|없어|대해|관해|숙제|정답|^답|빨리|계속|자세히|다른|감사|고마|안녕|the|a|an|of|to|in|on|at|for|and|or|is|are|was|were|do|does|did|it|this|that|i|me|my|you|your|we|what|why|how|when|where|who|which|can|could|should|would|will|please|tell|explain|give|show|more|about|hi|hello|hey|thanks|thank|homework|answer*|have|just";
}

/// The intent of a message, and the student's word to react to, if there is one. `follows`: it is not the first message.
pub(super) fn read(message: &str, topic: &str, follows: bool) -> (MessageIntent, Option<String>) {
    let text = Text::new(message);
    let count = words(message).count();
    let visible = message.chars().filter(|c| c.is_alphanumeric() && !is_jamo(*c)).count();
    let mut it = keyword(message);
    let kind = Kind::of(&text);
    let begins_with_hello = || HELLO.find(&text).is_some_and(|found| message[..found.range.start].trim().is_empty());
    let intent = if visible == 0 || is_mashed(message) || kind == Kind::Noise {
        MessageIntent::Noise
    } else if FINISHED_WORK.is_in(&text) || ANSWER.is_in(&text) {
        MessageIntent::FinishedWork
    } else if kind == Kind::Greeting || count <= 3 && begins_with_hello() && !message.contains('?') {
        MessageIntent::Greeting
    } else if kind == Kind::Thanks || count <= 5 && THANKS.is_in(&text) && !message.contains('?') {
        MessageIntent::Thanks
    } else if follows && count <= 4 && MORE.is_in(&text) {
        MessageIntent::More
    } else if count <= 3 && it.is_none() && WHY.is_in(&text) {
        MessageIntent::Why
    } else if let Some(aside) = aside(&text, topic) {
        it = Some(aside.to_owned());
        MessageIntent::Bridge
    } else if is_question(message) {
        MessageIntent::Question
    } else {
        MessageIntent::Statement
    };
    (intent, it)
}

/// The everyday thing in a message that is not about the topic. A game is no aside in a lesson on games, and the evening is
/// none in a question on the sky.
fn aside<'a>(text: &Text<'a>, topic: &str) -> Option<&'a str> {
    let found = EVERYDAY.find(text)?;
    let word = &text.original()[found.range];
    let is_about_topic = words(topic).any(|name| are_related(name.stem, word))
        || Topic::parse(topic).is_ok_and(|topic| !match_topic(&topic, text).core.is_empty());
    (!is_about_topic && text.original().chars().count() <= 60 && !word.contains('\n')).then_some(word)
}

/// Keys hit at random: one long word of Latin letters that no reader could say, or of one letter.
fn is_mashed(message: &str) -> bool {
    let mut words = words(message);
    let (Some(word), None) = (words.next(), words.next()) else { return false };
    let lower = word.written.to_ascii_lowercase();
    let runs = ["asdf", "sdfg", "qwer", "zxcv", "hjkl"];
    let one = lower.chars().all(|c| lower.starts_with(c)) && lower.chars().count() > 3;
    one || runs.iter().any(|run| lower.contains(run))
}

/// The first word that may be a noun: one with a particle before one without. Twelve characters at most.
pub(super) fn keyword(message: &str) -> Option<String> {
    let nouns: Vec<_> = words(message).take(60).enumerate().filter(|(_, word)| may_be_noun(word)).collect();
    let carried = nouns.iter().find(|(at, word)| match word.particle() {
        // 는 stands after verbs too (올리는 법), but seldom in the first word.
        "은" | "는" => *at == 0,
        particle => matches!(particle, "을" | "를" | "이" | "가" | "의" | "에서" | "과" | "와" | "에" | "도" | "이랑"),
    });
    let bare = || nouns.iter().find(|(_, word)| word.particle().is_empty() && !ends_like_a_verb(word.stem));
    carried.or_else(bare).map(|(_, word)| word.stem.to_owned())
}

fn may_be_noun(word: &Word<'_>) -> bool {
    let stem = word.stem;
    let length = stem.chars().count();
    let acronym = stem.chars().all(|c| c.is_ascii_uppercase());
    let enough = if stem.is_ascii() && !acronym { 4 } else { 2 };
    (enough..=12).contains(&length)
        && stem.chars().all(|c| is_letter(c) && !is_jamo(c))
        && !stem.chars().all(|c| c.is_ascii_digit())
        && !EMPTY.is_in(&Text::new(word.written))
}

fn ends_like_a_verb(stem: &str) -> bool {
    stem.ends_with([
        '요', '다', '까', '네', '죠', '니', '면', '고', '서', '게', '린', '한', '할', '된', '될', '던', '은', '는',
        '을', '야', '워', '싶', '해', '돼', '줘',
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sort_of_message_is_told() {
        for (message, take) in [
            ("안녕하세요!", MessageIntent::Greeting),
            ("안녕 저는 민수예요", MessageIntent::Greeting),
            ("하이에나는 무리 생활", MessageIntent::Statement),
            ("고마워요", MessageIntent::Thanks),
            ("모르겠어요", MessageIntent::Noise),
            ("독후감 대신 완성해 줘", MessageIntent::FinishedWork),
            ("힌트 말고 정답", MessageIntent::FinishedWork),
            ("ㅋㅋㅋㅋ", MessageIntent::Noise),
            ("asdfasdf", MessageIntent::Noise),
            ("더 알려줘", MessageIntent::More),
            ("왜?", MessageIntent::Why),
            ("숙제 답만 알려줘", MessageIntent::FinishedWork),
            ("롤 티어 올리는 법 알려줘", MessageIntent::Bridge),
            ("하늘은 왜 파래요?", MessageIntent::Question),
            ("세종대왕", MessageIntent::Statement),
            ("What is a black hole?", MessageIntent::Question),
        ] {
            assert_eq!(read(message, "과학 탐구", true).0, take, "{message}");
        }
        for question in ["하늘은 왜 파래요? 저녁에는 왜 빨개져요?", "라면을 끓일 때 물의 끓는점은 왜 올라가요?"]
        {
            assert_eq!(read(question, "과학 탐구", false).0, MessageIntent::Question, "{question}");
        }
        assert_eq!(read("저녁에 떡볶이 먹고 싶어요", "과학 탐구", false).0, MessageIntent::Bridge);
        assert_ne!(read("게임 캐릭터는 어떻게 만들어요?", "게임 만들기", true).0, MessageIntent::Bridge);
    }

    #[test]
    fn the_word_to_take_up_is_a_noun_of_the_student() {
        assert_eq!(keyword("하늘은 왜 파래요?").as_deref(), Some("하늘"));
        assert_eq!(keyword("저는 우리 동네 하천을 조사해요").as_deref(), Some("하천"));
        assert_eq!(keyword("왜?"), None);
        assert_eq!(keyword("잘 모르겠어요"), None);
        assert_eq!(keyword("AI가 그린 그림도 예술이에요?").as_deref(), Some("AI"));
        assert_eq!(read("롤 티어 올리는 법 알려줘", "과학 탐구", false).1.as_deref(), Some("롤"));
        assert_eq!(keyword("What is a volcano?").as_deref(), Some("volcano"));
    }
}
