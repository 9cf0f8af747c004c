//! How a message is to be taken up, and which of its words to take up.

use crate::{
    analysis::asks,
    cues::{BEGGING, HELLO, MORE, THANKS, phrases},
    fields::touch,
    kind::Kind,
};
use domain::Topic;
use korean::{
    Text,
    text::{is_jamo, is_letter},
    words::{Word, akin, words},
};

/// The sort of a message, as far as the partner's reply differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Take {
    /// Hello.
    Greeting,
    /// Thanks.
    Thanks,
    /// Nothing to hold on to: ㅋㅋㅋ, asdf.
    Noise,
    /// "더 알려줘".
    More,
    /// "왜?" and no more.
    Why,
    /// A request for the finished work.
    Begging,
    /// Something of everyday life that needs a bridge to the topic.
    Bridge,
    /// A question or a request.
    Question,
    /// Something told, or a bare word.
    Statement,
}

phrases! {
    WHY = "^왜$|^왜요$|^왜죠$|^왜 그래|^왜 그런|why|how come";
    /// What the practice partner reads as a request for the finished work besides the coach's list.
    ANSWER = "정답|답 다|homework|the answer|for me to copy";
    EVERYDAY = "게임|롤|티어|로블록스|마인크래프트|배그|급식|떡볶이|라면|치킨|저녁|점심|유튜브|틱톡|넷플릭스|웹툰|아이돌|아이폰|비트코인|연애|남친|여친|학원|심심|배고|졸려|재밌는|규칙을 무시|규칙 무시|프롬프트|game*|roblox|minecraft|tiktok|youtube|netflix|lunch|dinner|pizza|bored|hungry|joke|instructions|bitcoin";
    EMPTY = "^왜|어떻게|어떤|무엇|^뭐|뭔|뭘|무슨|어디|언제|누구|누가|얼마|^몇|알려|설명|말해|주세요|줘$|줄래|해줘|써줘|싶|궁금|^좀|^더$|^너무|^정말|^진짜|^그리고|^그런데|^근데|^그럼|^저는$|^제가$|^나는$|^내가$|^우리$|^이거|^그거|^것|^수$|^때$|^안$|^못$|^잘$|있어|있는|없어|대해|관해|숙제|정답|^답|빨리|계속|자세히|다른|감사|고마|안녕|the|a|an|of|to|in|on|at|for|and|or|is|are|was|were|do|does|did|it|this|that|i|me|my|you|your|we|what|why|how|when|where|who|which|can|could|should|would|will|please|tell|explain|give|show|more|about|hi|hello|hey|thanks|thank|homework|answer*|have|just";
}

/// The sort of a message and the student's word to take up, if one stands out. `follows`: something was said before.
pub(super) fn read(message: &str, topic: &str, follows: bool) -> (Take, Option<String>) {
    let text = Text::new(message);
    let count = words(message).count();
    let visible = message.chars().filter(|c| c.is_alphanumeric() && !is_jamo(*c)).count();
    let mut it = keyword(message);
    let kind = Kind::of(&text);
    let begins_with_hello = || HELLO.find(&text).is_some_and(|found| message[..found.range.start].trim().is_empty());
    let take = if visible == 0 || is_mashed(message) || kind == Kind::Noise {
        Take::Noise
    } else if BEGGING.is_in(&text) || ANSWER.is_in(&text) {
        Take::Begging
    } else if kind == Kind::Greeting || count <= 3 && begins_with_hello() && !message.contains('?') {
        Take::Greeting
    } else if kind == Kind::Thanks || count <= 5 && THANKS.is_in(&text) && !message.contains('?') {
        Take::Thanks
    } else if follows && count <= 4 && MORE.is_in(&text) {
        Take::More
    } else if count <= 3 && it.is_none() && WHY.is_in(&text) {
        Take::Why
    } else if let Some(aside) = aside(&text, topic) {
        it = Some(aside.to_owned());
        Take::Bridge
    } else if asks(message) {
        Take::Question
    } else {
        Take::Statement
    };
    (take, it)
}

/// The everyday thing in a message that is not about the topic. A game is no aside in a lesson on games, and the evening is
/// none in a question on the sky.
fn aside<'a>(text: &Text<'a>, topic: &str) -> Option<&'a str> {
    let found = EVERYDAY.find(text)?;
    let word = &text.original()[found.range];
    let is_about_topic = words(topic).any(|name| akin(name.stem, word))
        || Topic::parse(topic).is_ok_and(|topic| !touch(&topic, text).core.is_empty());
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
            ("안녕하세요!", Take::Greeting),
            ("안녕 저는 민수예요", Take::Greeting),
            ("하이에나는 무리 생활", Take::Statement),
            ("고마워요", Take::Thanks),
            ("모르겠어요", Take::Noise),
            ("독후감 대신 완성해 줘", Take::Begging),
            ("힌트 말고 정답", Take::Begging),
            ("ㅋㅋㅋㅋ", Take::Noise),
            ("asdfasdf", Take::Noise),
            ("더 알려줘", Take::More),
            ("왜?", Take::Why),
            ("숙제 답만 알려줘", Take::Begging),
            ("롤 티어 올리는 법 알려줘", Take::Bridge),
            ("하늘은 왜 파래요?", Take::Question),
            ("세종대왕", Take::Statement),
            ("What is a black hole?", Take::Question),
        ] {
            assert_eq!(read(message, "과학 탐구", true).0, take, "{message}");
        }
        for question in ["하늘은 왜 파래요? 저녁에는 왜 빨개져요?", "라면을 끓일 때 물의 끓는점은 왜 올라가요?"]
        {
            assert_eq!(read(question, "과학 탐구", false).0, Take::Question, "{question}");
        }
        assert_eq!(read("저녁에 떡볶이 먹고 싶어요", "과학 탐구", false).0, Take::Bridge);
        assert_ne!(read("게임 캐릭터는 어떻게 만들어요?", "게임 만들기", true).0, Take::Bridge);
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
