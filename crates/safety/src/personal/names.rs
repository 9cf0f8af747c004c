//! Names that the writer gives as their own, or as those of the people around them.

mod english;
mod lists;

use std::{collections::HashSet, ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};
use lists::{NOT_ANNOUNCED, WORDS};

/// What the words before a name say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    /// `제 이름은 …`: whatever follows is a name.
    OwnName,
    /// `이름: …`, `작성자 …`.
    Announced,
    /// `저는 …`.
    Introduction,
    /// `2학년 3반 …`, `반장 …`.
    Beside,
    /// `제 친구 …`.
    Relation,
    /// `친구 …`, `하늘중 …`.
    Acquaintance,
    /// A word begins.
    Anywhere,
    /// A sentence begins.
    Start,
    /// The sentence says that somebody's own name stands in it.
    Mentioned,
    /// The same, and a sentence begins.
    MentionedFirst,
}

static CONTEXTS: LazyLock<Vec<(Context, Regex)>> = LazyLock::new(|| {
    use Context::{Acquaintance, Announced, Anywhere, Beside, Introduction, OwnName, Relation, Start};
    let person = "제|내|저의|나의|저희|우리|본인|동생|형|오빠|누나|언니|엄마|아빠|어머니|아버지|할머니|할아버지|이모|삼촌|고모|짝꿍|짝|친구|담임|선생님|여자친구|남자친구|여친|남친";
    let name = "이름|성함|본명|실명|풀네임|성명";
    [
        (OwnName, format!(r"(?:^|[^가-힣])(?:{person})(?:의|들)? ?(?:[가-힣]{{1,3}} )?(?:{name})(?:표에|은요|은|이|도|:|이고)? ?:? ?['\x22]?")),
        (OwnName, r"(?:본명|실명|풀네임|진짜 이름|한국 이름|일본 이름|중국 이름)(?:은요|은|이요\?|이|:)? ?['\x22]?".to_owned()),
        (OwnName, r"(?:^|[.!?\n] ?|[가-힣]요 |[가-힣]고 )이름[은이] ".to_owned()),
        (OwnName, r"(?:^|[^가-힣])(?:제|내|저희|우리)?성은 [가-힣]{1,2} ?(?:씨)?이?고,? (?:이름은 )?".to_owned()),
        (Announced, r"(?:^|[ \n,('])(?:이름|성명|성함|학생명|글쓴이|작성자|지은이|발표자|제출자|예금주|닉네임 말고 이름)(?:은|이| ?:| ?=|) ?".to_owned()),
        (Announced, r"(?:모둠원|조원|팀원|멤버|명단|참가자|구성원)(?:은| ?:) ?|(?:저희|우리|이번) ?(?:조|모둠|팀)(?:는|은) ".to_owned()),
        (Introduction, r"(?:^|[^가-힣])(?:저는|나는|전|난|저|나|제가|내가|얘는|쟤는|나야나|저예요|저를|나를|언니는|누나는|형은|오빠는|동생은|짝은) (?:(?:[가-힣]{1,8}(?:에 다니는|에 사는|사는|다니는)|(?:[가-힣]{0,8}학교 )?\d ?학년(?: ?\d{1,2} ?반)?(?: ?\d{1,2} ?번)?|중[1-3]|초[1-6]|고[1-3]|\d{1,2}살|\[[^\]]{1,8}\]|[가-힣]{1,5}[부반]|사실|원래|그냥|진짜|바로|새로 온|전학 온|전학온|(?:\d{4}|\d\d)년 ?\d{1,2}월 ?\d{1,2}일생?),? ?)*".to_owned()),
        (Beside, r"(?:\d ?학년(?: ?\d{1,2} ?반)?|\d{1,2} ?반|[1-6]-\d{1,2}|[1-3][01]\d[0-4]\d|\d{1,2} ?번|(?:^|[^가-힣])중[1-3])(?: ?\d{1,2} ?번)?[,_]? ?(?:에 |의 |에 다니는 |사는 )?".to_owned()),
        (Beside, r"(?:^|[ '\x22])(?:반장|부반장|회장|부회장|조장|팀장|제자|학생|그리고 저|및 저) ".to_owned()),
        (Acquaintance, r"(?:^|[^가-힣])[가-힣]{2,8}(?:초|중|여고|남고|중학교|초등학교|고등학교) ".to_owned()),
        (Relation, r"(?:우리|저희|같은|옆) ?반 ".to_owned()),
        (Acquaintance, r"(?:^|[^가-힣])(?:친구|동생|언니|오빠|누나|형|짝꿍|짝|선배|후배|담임|담임쌤|담임 선생님|엄마|아빠|이모|삼촌|고모) ".to_owned()),
        (Relation, r"(?:^|[^가-힣])(?:제|내|우리|저희|같은|옆) ?(?:반 )?(?:친구|동생|언니|오빠|누나|형|짝꿍|짝|선배|후배|담임|담임 선생님|반장) ".to_owned()),
        (Start, r"^|[.!?\n] ?".to_owned()),
        (Anywhere, r"[^가-힣]".to_owned()),
        (Start, r"(?:안녕하세요|안녕|하이|반가워요|반갑습니다|말한|맞아요|아니고)[,.!~ ]{1,3}".to_owned()),
    ]
    .into_iter()
    .map(|(context, regex)| (context, pattern(&regex)))
    .collect()
});
static OWN_NAME_NEAR: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "(?:제|내|나의|저의|본인|진짜) ?이름(?:은요|이|은|인|이요|이에요|예요|입|맞|도|으로|[ ?!.,]|$)|본명|실명|풀네임|그게 저예요",
    )
});
static LETTER_SIGNED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[^가-힣])([가-힣]{2,4})(?: ?올림(?:['\x22 .!\n]|$|이)| ?드림(?:['\x22 .!\n]|$|이)| 이름으로| 이게 (?:제|내) 이름)",
    )
});
static NAME_CHAIN: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(?:, ?| |/ ?|·)(?:그리고 )?"));

/// The most frequent surnames of the Korean census of 2015.
const SURNAMES: &str = "김이박최정강조윤장임한오서신권황안송류유전홍고문양손배백허남심노하곽성차주우구민나진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인맹제모탁국어은편용예경봉사부감경탁팜쩐";
const DOUBLE_SURNAMES: [&str; 8] = ["남궁", "황보", "제갈", "선우", "독고", "사공", "서문", "동방"];
/// Syllables with which given names begin.
const FIRST: &str = "가강건경광교국규근기길나남노누다단담대덕도동두라래려로루리린마만명무문미민바범별병보복봉사상새서석선설성세소솔송수순숙슬승시신아안애양여연영예오옥완용우원유윤율은을음의이인일자재정제조종주준중지진찬창채천철청초춘충치태하한해향헌혁현형혜호홍화환효후휘희설여";
/// Syllables with which given names end.
const LAST: &str = "늘솔별봄슬샘빛들랑울겨새힘벼다강건결경겸관광구국권규균근금기길나남녀님단담대덕도돈동라란람래령례로록루류름리린림마만명모목무묵문미민배백범별병보복봉빈빛사산삼상샘서석선섭성세소솔송수숙순슬승시식신실아안애양언엘연열영예오옥온완용우욱운웅원월유윤율은음익인일임자재전정제조종주준중지진찬창채천철청초춘태택표품필하학한해향헌혁현협형혜호홍환황회효후훈휘희든양을름온루해담비";
/// Those of most children's names: two of them make no other word as a rule.
const FREQUENT_FIRST: &str = "가강건규나다도동라민보서세소수승시아연예온우유윤은재주준지찬채태하한해현혜효리";
const FREQUENT_LAST: &str = "결겸늘라란람린림민별빈서솔슬아안연영온우욱원윤율은준진찬하혁현호후훈희랑든";

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    let text = view.text.as_str();
    let mut found: Vec<Range<usize>> = Vec::new();
    if !is_of_a_story(text) {
        for (context, pattern) in CONTEXTS.iter() {
            // A context may begin where another ends.
            let mut from = 0;
            while let Some(before) = pattern.find_at(text, from) {
                let is_spaced = before.as_str().len() > 1 && before.as_str().ends_with(' ');
                let next = before.end() - usize::from(is_spaced);
                from = if next > from { next } else { from + text[from..].chars().next().map_or(1, char::len_utf8) };
                let mut at = before.end();
                while let Some(length) = name_at(text, at, *context) {
                    found.push(at..at + length);
                    let Some(gap) = NAME_CHAIN.find(&text[at + length..]).filter(|_| *context == Context::Announced)
                    else {
                        break;
                    };
                    at += length + gap.end();
                }
                if from > text.len() {
                    break;
                }
            }
        }
        let mut read = 0;
        for own in OWN_NAME_NEAR.find_iter(text) {
            if own.start() < read {
                continue;
            }
            let sentence = view.sentence(&own.range());
            let offset = sentence.as_ptr() as usize - text.as_ptr() as usize;
            read = offset + sentence.len();
            for at in hangul_runs(sentence) {
                let starts = sentence[..at].trim().is_empty();
                let context = if starts { Context::MentionedFirst } else { Context::Mentioned };
                let length = name_at(text, offset + at, context);
                found.extend(length.map(|length| offset + at..offset + at + length));
            }
        }
        found.extend(LETTER_SIGNED.captures_iter(text).filter_map(|captures| {
            let name = captures.get(1)?;
            (strength(name.as_str()) >= Strength::Certain && !is_word(name.as_str(), &WORDS)).then(|| name.range())
        }));
        found.extend(english::find(view));
    }
    found.into_iter().map(|range| (range, PersonalKind::Name)).collect()
}

/// Whether a text speaks of somebody invented or famous.
fn is_of_a_story(text: &str) -> bool {
    static STORY: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "주인공|등장인물|캐릭터|소설|이야기 속|역할|연기|배역|위인|왕의 이름|동화책|동화 속|동화에|작가 이름|가상의|가명|대사|인물 이름|만약 내가|내가 만약|라고 가정|로 시작하는|인터뷰|일인칭|장군님 역|역을 맡|[가-힣] 역 |character|story|novel|play the role",
        )
    });
    STORY.is_match(text)
}

/// Where runs of syllables begin in a text.
fn hangul_runs(text: &str) -> impl Iterator<Item = usize> {
    text.split(|c: char| !is_syllable(c))
        .filter(|run| !run.is_empty())
        .map(|run| run.as_ptr() as usize - text.as_ptr() as usize)
}

fn is_syllable(c: char) -> bool {
    matches!(c, '가'..='힣')
}

fn run_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    &rest[..rest.find(|c| !is_syllable(c)).unwrap_or(rest.len())]
}

/// How much a word looks like a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    None,
    /// Two syllables of given names.
    Given,
    /// A surname with syllables of given names, or a frequent given name.
    Full,
    /// A surname with syllables of frequent given names, or a double surname.
    Certain,
}

fn strength(word: &str) -> Strength {
    let chars: Vec<char> = word.chars().collect();
    let is_given = |given: &[char]| matches!(given, [first, last] if FIRST.contains(*first) && LAST.contains(*last));
    let is_frequent = |given: &[char]| matches!(given, [first, last] if FREQUENT_FIRST.contains(*first) && FREQUENT_LAST.contains(*last));
    let is_double = DOUBLE_SURNAMES.iter().any(|surname| word.starts_with(surname));
    let is_single = chars.first().is_some_and(|&c| SURNAMES.contains(c));
    let is_double =
        is_double && (chars.len() == 3 && LAST.contains(chars[2]) || chars.len() == 4 && is_given(&chars[2..]));
    if is_double || is_single && is_frequent(&chars[1..]) {
        Strength::Certain
    } else if is_single && is_given(&chars[1..]) || lists::is_frequent(word) {
        Strength::Full
    } else if is_given(&chars) {
        Strength::Given
    } else {
        Strength::None
    }
}

/// What stands behind a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// A form of `to be` that ends no verb.
    Copula,
    /// One that verbs have as well: `고`, `지`.
    VerbLike,
    /// `라고 해요`, `라고 불러 주세요`.
    Naming,
    Particle,
    /// Nothing, within a sentence.
    Bare,
    /// Nothing, at the end of a phrase.
    Closing,
}

/// The ending after a name, which must fit its last letter: `민준이에요`, `정우예요`.
fn ending(name: &str, rest: &str, after: &str) -> Option<Ending> {
    static COPULA: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            "^(이에요|이예요|이에용|이야|이요|이고요?|이거든요?|이죠|이지|이네요?|이라서|이랑|이며|이었고|이란|이다|이여|이래요|이라니까|예요|에요|예용|였고|임|입니다|입니당|임다|인데|인데요|인걸|입니다만)$",
        )
    });
    static NAMING: LazyLock<Regex> =
        LazyLock::new(|| pattern("^(이라고|이라는|이라|라고|라는|라)(?:요|해.*|합.*|불.*|한.*|하.*|부.*)?$"));
    static CALLED: LazyLock<Regex> =
        LazyLock::new(|| pattern("^ ?(?:해|합니|불러|부르|부를|불리|저장|기억|하는|한다|함|하고|이름|적혀|[.!,]|$)"));
    if rest.is_empty() {
        let closes = after.is_empty()
            || after.starts_with(['.', ',', '!', '?', '\n', '~', '/', '(', ')', '\'', '"', 'ㅋ', 'ㅎ', ':', '-', ';'])
            || after.trim_start().is_empty()
            || after.starts_with(" ㅋ")
            || after.starts_with(" -")
            || after.starts_with(" /");
        return Some(if closes { Ending::Closing } else { Ending::Bare });
    }
    let last = name.chars().next_back()?;
    let has_final = is_syllable(last) && !(last as u32 - '가' as u32).is_multiple_of(28);
    let fits = |form: &str| match form.chars().next() {
        Some('입' | '인' | '임') => true,
        // 지우이에요 is a frequent mistake.
        _ if form.starts_with("이에") || form.starts_with("이예") || form == "이고" => true,
        Some('이') => has_final,
        Some('에') => true,
        _ => !has_final,
    };
    if let Some(form) = NAMING.captures(rest).and_then(|captures| captures.get(1)) {
        let is_called = form.end() < rest.len() || CALLED.is_match(after);
        if !fits(form.as_str()) {
            return None;
        }
        return match form.as_str() {
            "이라" | "라" if !is_called => Some(Ending::VerbLike),
            _ => (is_called || form.as_str().ends_with('는')).then_some(Ending::Naming),
        };
    }
    static VERB_LIKE: LazyLock<Regex> =
        LazyLock::new(|| pattern("^(야|요|고요?|거든요?|죠|지|네요?|라서|랑|며|다|래요)$"));
    if VERB_LIKE.is_match(rest) {
        return fits(rest).then_some(Ending::VerbLike);
    }
    if COPULA.is_match(rest) {
        return fits(rest).then_some(Ending::Copula);
    }
    let particle = match rest {
        "이" | "은" | "을" | "과" | "이가" | "이는" | "이를" | "으로" => has_final,
        "가" | "는" | "를" | "와" => !has_final,
        "로" => !has_final || (last as u32 - '가' as u32) % 28 == 8,
        "한테" | "도" | "에게" | "의" | "님" | "씨" | "이한테" | "이도" => true,
        _ => return None,
    };
    particle.then_some(Ending::Particle)
}

/// The length in bytes of a name that begins at a place.
fn name_at(text: &str, at: usize, context: Context) -> Option<usize> {
    let run = run_at(text, at);
    if run.is_empty() {
        return None;
    }
    let after = &text[at + run.len()..];
    let is_own = context == Context::OwnName;
    // 제 이름은 …, not 제 이름 …
    let is_announced = text[..at].trim_end_matches([' ', '\'', '"']).ends_with(['은', '이', '도', ':', '요', '고']);
    if is_own && text[..at].ends_with('름') && strength(run.get(..9).unwrap_or_default()) < Strength::Certain {
        return None;
    }
    // 내이름은김가온이야반가워
    if is_own && let Some((name, rest)) = run.split_at_checked(9) {
        let goes_on = ["이야", "이에요", "예요", "입니다", "인데", "임"].iter().any(|form| rest.starts_with(form));
        if goes_on && strength(name) >= Strength::Certain {
            return Some(name.len());
        }
    }
    if is_word(run, if is_own || context == Context::Announced { &NOT_ANNOUNCED } else { &WORDS })
        && (context != Context::MentionedFirst || run.starts_with("이름"))
    {
        return None;
    }
    // The longest ending that fits wins.
    let lengths = [2_usize, 3, 4, 5, 6, 7, 1];
    let ends: Vec<usize> = run.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
    for length in lengths {
        let Some(&end) = ends.get(length - 1) else { continue };
        let (name, rest) = run.split_at(end);
        let Some(ending) = ending(name, rest, after) else { continue };
        let strength = strength(name);
        use Ending::{Bare, Closing, Copula, Naming, Particle, VerbLike};
        let is_long = length > 2;
        let is_full = strength >= Strength::Full;
        let is_name = match context {
            Context::OwnName => match ending {
                Copula => (length > 1 || is_announced) && !"것거게뜻".contains(name),
                Naming => length > 1,
                VerbLike => is_announced && length > 1 && (strength >= Strength::Given || rest == "고" || rest == "야"),
                Particle | Bare => is_full && (is_long || is_announced),
                Closing => strength >= Strength::Given,
            },
            Context::Announced => is_full && (is_long || !matches!(ending, Bare | Particle)),
            Context::Introduction => match ending {
                Copula | Closing => is_full,
                VerbLike => is_full && is_long && !lists::is_frequent(name),
                Naming if text[..at].ends_with("를 ") => strength >= Strength::Given,
                Naming => strength >= Strength::Given || rest.ends_with("라고") && is_introduced(after),
                Bare | Particle => false,
            },
            Context::Beside => is_full && is_long && ending != Particle,
            Context::Relation => is_long && (strength >= Strength::Certain || is_full && ending != Bare),
            Context::Acquaintance => is_long && strength >= Strength::Certain && ending != Bare,
            Context::Anywhere => {
                is_long
                    && strength >= Strength::Certain
                    && (ending == Copula
                        || ending == Naming && is_introduced(after)
                        || ["이랑", "랑", "한테"].contains(&rest)
                        || after.starts_with(" 학생이"))
            }
            Context::Start => {
                let enough = if is_long { Strength::Certain } else { Strength::Full };
                let is_said = match ending {
                    Naming => true,
                    Copula => {
                        ["이에요", "예요", "입니다", "입니당", "인데요", "이예요"].contains(&rest)
                            || is_long && ["이요", "인데", "임"].contains(&rest)
                    }
                    Bare => is_long && ([" 맞습", " 맞아", " 제출"].iter().any(|form| after.starts_with(form))),
                    Closing => is_long && after.starts_with('('),
                    VerbLike | Particle => false,
                };
                let is_called =
                    ending == Naming && [" 불러", " 저장", " 기억"].iter().any(|form| after.starts_with(form));
                is_said && strength >= enough || is_called && strength >= Strength::Given
            }
            Context::MentionedFirst => match ending {
                Copula | Naming => {
                    strength >= Strength::Given || length == 2 && run.starts_with(|c| SURNAMES.contains(c))
                }
                _ => strength >= Strength::Certain && is_long,
            },
            Context::Mentioned => match ending {
                Copula | Naming => is_full && is_long || lists::is_frequent(name),
                _ => strength >= Strength::Certain && is_long,
            },
        };
        if is_name {
            return Some(end);
        }
    }
    is_own.then(|| several_words(text, at)).flatten()
}

/// Whether a sentence of introduction ends: `라고 해요`, `라고 불러 주세요`.
fn is_introduced(after: &str) -> bool {
    [" 해요", " 합니다", " 해 ", " 하는데", " 불러", " 부르", "해요", "합니다"]
        .iter()
        .any(|form| after.starts_with(form))
        || after == " 해"
}

/// A name of two or three words, of which a form of `to be` follows the last: `응우옌 티 란이에요`, `황보 찬인데`.
fn several_words(text: &str, at: usize) -> Option<usize> {
    let mut end = at;
    for word in 0..3 {
        let run = run_at(text, end);
        let after = &text[end + run.len()..];
        let ends: Vec<usize> = run.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        let copula = ends.iter().copied().find(|&length| {
            matches!(ending(&run[..length], &run[length..], after), Some(Ending::Copula | Ending::Naming))
                || run[length..] == *"고" && word > 0 && length > 3
        });
        if let Some(length) = copula.filter(|_| word > 0) {
            return (!is_word(run, &NOT_ANNOUNCED)).then_some(end + length - at);
        }
        let is_part = (if word == 0 { 2 } else { 1 }..=5).contains(&ends.len())
            && !run.ends_with(|c| {
                "은는이가을를의도에서로고며지한인운던린긴쁜진된된면게".contains(c) && ends.len() > 1
                    || "좀더꼭왜뭐또다잘못안".contains(c)
            })
            && after.starts_with(' ');
        if !is_part || is_word(run, &NOT_ANNOUNCED) {
            return None;
        }
        end += run.len() + 1;
    }
    None
}

/// Whether a word, or what is left of it without an ending, is in a list.
fn is_word(word: &str, words: &HashSet<&str>) -> bool {
    word.char_indices().map(|(at, c)| at + c.len_utf8()).any(|end| {
        let (stem, rest) = word.split_at(end);
        words.contains(stem)
            && (rest.is_empty()
                || ["로", "으로", "에", "에서", "부터", "까지", "만", "처럼", "보다"].contains(&rest)
                || ending(stem, rest, " 해").is_some())
    })
}
