//! 맥락: what does the student state about the situation, their knowledge, attempts and limits?

use super::{
    Rating,
    analysis::{MessageAnalysis, sentences},
    cues::phrases,
    quotation::quote_sentence,
};
use korean::{Phrases, Text};

phrases! {
    /// What I know, tried or am doing.
    KNOWN = "해 봤|해봤|봤는데|봤어요|봤더니|보니까|써 봤|찾아봤|찾아 봤|배웠|읽었|^들었|줄 알았|알고 있|썼는데|썼어요|써 놓|만들었는데|조사했|막혔|헷갈|연습하는데|쪽이라서|쪽이라|already|i tried|i know|i learned|i learnt|i read|i thought|i heard|i've|i wrote|i have to|i gave|my class learned";
    /// A situation, or a claim that the question starts from.
    SITUATION = "!고 있는데?|!는데?|!은데?|고 있어요|고 있는데|고 있습니다|고 있거든|해야 하는데|해야 해요|해야 돼요|하려는데|하려고 하는데|하려고 해요|만들려고|쓰려고|그리려고|!는 데 얼마|!는 데 걸|!는 데 필요|인데$|은데$|한데$|는데요|는데|던데|대요|라고 했|다는 말|라는 말|다고 했|아서 밤|어서 밤|할 건데|키우고 싶은데|거든요|because i|i am|i'm|!like i'm|if it was|if it is|my aunt|my uncle|my mom|my dad|my grandmother*|our school|in my";
    /// Limits.
    LIMIT = "지 않고|지 않게|없이|밖에|뿐이|만 쓸 수|못 |못해|수 없|위험|싫|싫지만|금지|예산|원밖에|이내|이 안 |안 돼요|없어요|없어서|반대해|nobody|no one|without|only|can't|cannot|may not|must not|not allowed|still";
    /// Where and when, and no more.
    VAGUE = "우리 학교|우리 동네|우리 반|우리 집|우리 가족|우리나라|동네|요즘|오늘|내일|어제|저는|제가|제 |^나는|!가 나는|!이 나는|^내가|숙제|수행|과제|발표|학교에서|유튜브에서|드라마에서|교과서|보고서|감상문|국어 시간|신분에 따라|my school|our class|these days|today|homework|my|i |we";
    /// A number with its unit.
    NUMBER = "#가지|#개|#명|#분|#초|#시간|#일$|#주$|#주일|#달$|#개월|#년|#살|#원|#만원|#교시|#학년|#반$|#도$|#도에서|#번$|#마리|#권|#장$|#km|#kg|#cm|#%|#percent|# minute*|# hour*|# day*|# week*|# year*|# people|# line*|# times|once";
}

pub(super) fn rate<'a>(analysis: &MessageAnalysis<'a>) -> Rating<'a> {
    let text = &analysis.text;
    let known = KNOWN.quote(text);
    let situation = SITUATION.quote(text);
    let limit = LIMIT.quote(text);
    let number = number(analysis);
    let statements = analysis.statements.len();
    let vague = VAGUE.quote(text);
    // A sentence that states is a fact, unless all it says is where and when.
    let fact = number.or_else(|| {
        let long = |statement: &&&str| {
            Text::new(statement).original().split_whitespace().count() >= if vague.is_some() { 5 } else { 2 }
        };
        analysis.statements.iter().find(long).map(|statement| quote_sentence(statement))
    });
    let level = if known.is_some() && (number.is_some() || limit.is_some() || statements >= 2)
        || limit.is_some() && (number.is_some() || statements >= 2) && (statements >= 1 || situation.is_some())
    {
        3
    } else if known.is_some() || situation.is_some() || fact.is_some() {
        2
    } else if vague.is_some() || limit.is_some() || statements > 0 {
        1
    } else {
        0
    };
    let quote = known
        .or(situation)
        .or(fact)
        .or(limit)
        .or(vague)
        .unwrap_or_else(|| analysis.statements.first().map_or("", |statement| quote_sentence(statement)));
    Rating::of(level, quote)
}

/// A number in a statement, before the question begins.
fn number<'a>(analysis: &MessageAnalysis<'a>) -> Option<&'a str> {
    let in_statement = analysis.statements.iter().find_map(|statement| NUMBER.quote(&Text::new(statement)));
    in_statement.or_else(|| {
        // "… 하루 30분뿐인데, …" states and asks in one sentence.
        sentences(analysis.asked.message).find_map(|sentence| {
            let (statement, _) = split_at_clause(sentence)?;
            NUMBER.quote(&Text::new(statement))
        })
    })
}

fn split_at_clause(sentence: &str) -> Option<(&str, &str)> {
    static CLAUSE: std::sync::LazyLock<Phrases> =
        std::sync::LazyLock::new(|| Phrases::new("는데$|인데$|은데$|한데$|어서$|아서$|라서$|거든요$"));
    let at = CLAUSE.find(&Text::new(sentence))?.range.end;
    Some(sentence.split_at(at))
}
