//! The schools that the writer and the people around them go to.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

static SCHOOL_AHEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[가-힣](?:학교|분교|여중|남중|여고|남고|공고|상고|과고|외고|체고|예고)|[가-힣][초중고]")
});
/// A school with its place, and the class.
static SCHOOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"((?:[가-힣]{1,4}(?:시|군|구|도) )?[가-힣]{1,8}?(?:초등학교|중학교|고등학교|여자중학교|여자고등학교|대안학교|국제학교|특수학교|분교|여중|남중|여고|남고|공고|상고|과고|외고|체고|예고|초|중|고))",
        r"( ?\d ?학년(?: ?(?:\d{1,2}|[가-힣]{1,3}) ?반)?(?: ?\d{1,2} ?번)?| ?\d{1,2}-\d{1,2}(?: ?반)?)?",
    ))
});
/// The same, written with a space: `한솔 중학교`.
static SPACED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"([가-힣]{2,6}) (?:여자 ?)?(?:초등학교|중학교|고등학교)( ?\d ?학년(?: ?\d{1,2} ?반)?(?: ?\d{1,2} ?번)?| ?\d{1,2}-\d{1,2}(?: ?반)?)?",
    )
});
static ENGLISH_SCHOOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:go to|attend|student at|study at|from|school is|enrolled at|my school is|name of my school is|student of|students of|class \d+ at|grade at|graders? at|in) ((?:[a-z]+ ){1,3}(?:elementary|middle|high|primary|international) school)",
    )
});
/// What follows a school to which somebody goes.
static ATTENDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "^(?:에|를|을|의|이|가|은|는|도|으로|로)? ?(?:다녀|다니|다님|다닙|다녔|다녓|재학|입학|전학|졸업|나왔|나온|배정|출신|에 다)",
    )
});
/// What schools have.
static BELONGS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "^(?:의|이|은|는|에서|에|도)? ?(?:학생|애들|친구들|축제|축구부|방송부|급식|교복|도서실|도서관|학생회|체육대회|운동회|동아리|선생|쌤|[가-힣]{1,4}부(?:[^가-힣]|예|이|에|인|입)|시험|중간고사|기말|전교|근처|앞|옆|정문|후문|교문|운동장|체육관|[1-3]학년|\\d ?학년|\\d ?반)",
    )
});
static STUDENT: LazyLock<Regex> =
    LazyLock::new(|| pattern("^ (?:[1-3]학년 )?학생(?:이에요|입니다|인데|이고|이야|임|으로)"));
static IS: LazyLock<Regex> = LazyLock::new(|| {
    pattern("^(?:고 |고요|라서|라고| ?/|이에요|예요|이예요|입니다|이야|임|이고|인데|이라|이요|야|$|[.,!])")
});
static OWN_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "(?:(?:우리|저희|제|내)(?: ?(?:초등|중|고등)?학교 ?(?:이름)?(?:는|은|가|이)?)?|학교(?:는|가|이름은|이름이|:| 이름은| 이름이)?|(?:초등학교|중학교|고등학교)(?:는|은|가)?|다니는 ?(?:학교|곳)(?:는|은)|소속(?:은|:)?|저는|나는|저|나|전|난|제가|내가|올해|작년에|지금|지금은|예전엔|원래|[은는]|안녕하세요,?|안녕,?) ?$",
    )
});
/// The same, of which nothing but a school can follow.
static SCHOOL_BEFORE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "(?:(?:우리|저희|제|내) ?(?:초등|중|고등)?학교(?:는|은|가|이)?|학교(?:는|가| ?이름은| ?이름이|:)|다니는 ?(?:학교|곳)(?:는|은)|(?:^|[ /,])학교) ?$",
    )
});
static STORY: LazyLock<Regex> =
    LazyLock::new(|| pattern("소설|주인공|동화|이야기 속|드라마|웹툰|만화|영화|등장인물|배경으로"));

/// Words that end as schools do.
const NOT_A_SCHOOL: [&str; 79] = [
    "최초",
    "기초",
    "태초",
    "애초",
    "당초",
    "시초",
    "몇초",
    "수초",
    "화초",
    "잡초",
    "약초",
    "해초",
    "식초",
    "양초",
    "산초",
    "학기초",
    "월초",
    "연초",
    "년초",
    "감초",
    "담배초",
    "집중",
    "도중",
    "공중",
    "수중",
    "와중",
    "나중",
    "대중",
    "민중",
    "관중",
    "체중",
    "비중",
    "존중",
    "하는중",
    "공부중",
    "숙제중",
    "운동중",
    "준비중",
    "수업중",
    "게임중",
    "생각중",
    "진행중",
    "방학중",
    "통화중",
    "이동중",
    "외출중",
    "연습중",
    "회의중",
    "작업중",
    "대기중",
    "여행중",
    "식사중",
    "조사중",
    "검색중",
    "충전중",
    "공사중",
    "사용중",
    "시험중",
    "다이어트중",
    "고민중",
    "정리중",
    "임신중",
    "시간중",
    "기간중",
    "치료중",
    "최고",
    "광고",
    "보고",
    "참고",
    "사고",
    "경고",
    "창고",
    "재고",
    "권고",
    "선고",
    "중고",
    "금고",
    "잔고",
    "충고",
];
/// What stands before a kind of school without naming one.
const GENERIC: [&str; 28] = [
    "우리",
    "저희",
    "옆",
    "근처",
    "모든",
    "어느",
    "다른",
    "일반",
    "전국",
    "국립",
    "공립",
    "사립",
    "남녀공학",
    "같은",
    "그",
    "이",
    "제",
    "내",
    "한국",
    "미국",
    "일본",
    "남자",
    "여자",
    "집앞",
    "인근",
    "시골",
    "지방",
    "동네",
];
/// Words of lessons and news that speak of schools.
static OF_OTHERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "세워|세운|설립|개교|역사|조선|일제|독립|항일|운동의|뉴스|기사|영화|작가|시인|화가|가수|선수|촬영|사건|통계|출신|모교|나온 사람|문화재|유명한",
    )
});
/// What stands before a kind of school with a space and is no name.
const NOT_A_NAME: [&str; 27] = [
    "읍내",
    "지금",
    "이제",
    "올해",
    "현재",
    "이번",
    "내년",
    "작년",
    "요즘",
    "오늘",
    "그냥",
    "아직",
    "벌써",
    "진짜",
    "사실",
    "공립",
    "사립",
    "일반",
    "대안",
    "특성화",
    "기숙",
    "한국",
    "서울",
    "부산",
    "처음",
    "명문",
    "신설",
];
/// The last syllables of particles and of verbs.
const ENDS_NO_NAME: &str = "은는이가을를의에도로고며서만할한던운인된와과랑요";
const KINDS: [&str; 16] = [
    "초등학교",
    "중학교",
    "고등학교",
    "여자중학교",
    "여자고등학교",
    "여중",
    "남중",
    "여고",
    "남고",
    "공고",
    "상고",
    "학교",
    "분교",
    "초",
    "중",
    "고",
];
/// The last syllables of stems of verbs, before `고`.
const STEMS: &str =
    "하되가오보주나르사두지서이리기치끼우으았었했겠않없있같고싶놓먹잡입들살걸알돌울만열팔놀쓰크타켜펴려여러쳐혀져";
/// The last syllables before a `중` that means `while`.
const WHILE: &str = "는은던인할될갈올볼줄날를을";

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    let schools = view.near(&SCHOOL_AHEAD, &SCHOOL).filter_map(|captures| {
        let (all, name) = (captures.get(0)?, captures.get(1)?);
        let is_own = is_own(view, name.range(), captures.get(2).is_some());
        is_own.then(|| (view.trim(all.range()), PersonalKind::School))
    });
    let english = view.matches(&ENGLISH_SCHOOL).filter_map(|captures| {
        let school = captures.get(1)?;
        let is_generic = ["a ", "an ", "the ", "my ", "our "].iter().any(|word| school.as_str().starts_with(word))
            || ["of middle", "grade", "of high"].iter().any(|word| school.as_str().contains(word));
        (!is_generic).then(|| (school.range(), PersonalKind::School))
    });
    let spaced = view.matches(&SPACED).filter_map(|captures| {
        let (all, name) = (captures.get(0)?, captures.get(1)?);
        let (before, after) = (&view.text[..all.start()], &view.text[all.end()..]);
        let is_name = !name.as_str().ends_with(|c| ENDS_NO_NAME.contains(c))
            && !GENERIC.contains(&name.as_str())
            && !NOT_A_NAME.contains(&name.as_str())
            && !before.ends_with(|c: char| matches!(c, '가'..='힣'))
            && !STORY.is_match(view.sentence(&all.range()));
        let is_said = OWN_BEFORE.is_match(view.tail(before)) || before.trim().is_empty();
        let is_attended =
            captures.get(2).is_some() || [&ATTENDS, &IS, &STUDENT].iter().any(|rule| rule.is_match(after));
        (is_name && is_said && is_attended).then(|| (view.trim(all.range()), PersonalKind::School))
    });
    schools.chain(spaced).chain(english).collect()
}

fn is_own(view: &View<'_>, name: Range<usize>, has_class: bool) -> bool {
    let last = view.text[name.clone()].split(' ').next_back().unwrap_or_default();
    let is_generic = GENERIC.iter().any(|word| last.strip_prefix(word).is_some_and(|kind| KINDS.contains(&kind)));
    let starts_word = !view.text[..name.start].ends_with(|c: char| matches!(c, '가'..='힣'));
    if is_generic || KINDS.contains(&last) || !starts_word || STORY.is_match(view.sentence(&name)) {
        return false;
    }
    let (before, after) = (&view.text[..name.start], &view.text[name.end..]);
    let is_attended = ATTENDS.is_match(after);
    let belongs = BELONGS.is_match(after);
    let is_said = OWN_BEFORE.is_match(view.tail(before));
    let follows_school = SCHOOL_BEFORE.is_match(view.tail(before));
    let has_level = ["초등학교", "중학교", "고등학교"]
        .iter()
        .any(|level| last.strip_suffix(level).is_some_and(|name| name.chars().count() > 1));
    if has_level && !OF_OTHERS.is_match(view.sentence(&name)) {
        return true;
    }
    if last.ends_with("학교") || last.ends_with("분교") {
        let is_said_to_be = IS.is_match(after) && (is_said || last.ends_with("중학교") || last.ends_with("분교"));
        return has_class
            || is_attended
            || follows_school
            || belongs && is_said
            || STUDENT.is_match(after)
            || is_said_to_be;
    }
    let starts_sentence = before.trim().is_empty() || before.ends_with(". ") || before.ends_with("? ");
    let length = last.chars().count();
    let kind = last.chars().next_back().unwrap_or_default();
    let stem = last.chars().rev().nth(1).unwrap_or_default();
    let is_marked = [
        "여중",
        "남중",
        "예중",
        "부중",
        "국제중",
        "예술중",
        "여고",
        "남고",
        "공고",
        "상고",
        "과고",
        "외고",
        "체고",
        "예고",
        "부고",
        "과학고",
        "외국어고",
        "예술고",
        "체육고",
        "정보고",
    ]
    .iter()
    .any(|kind| last.ends_with(kind))
        && length > 3;
    if length < 3 || NOT_A_SCHOOL.iter().any(|word| last.ends_with(word)) || kind == '중' && WHILE.contains(stem) {
        return false;
    }
    if has_class {
        return kind != '고' || is_marked || !STEMS.contains(stem);
    }
    if kind == '고' && !is_marked {
        return is_said
            && !STEMS.contains(stem)
            && ["졸업", "배정", "진학", "입학", "합격", "갈 거", "에 다니", "에 갈"]
                .iter()
                .any(|word| after.trim_start().starts_with(word));
    }
    is_attended
        && (kind != '초'
            || is_said
            || after.starts_with("에 ")
            || after.starts_with(" 나")
            || after.starts_with(" 졸")
            || after.starts_with(" 다"))
        || belongs && (is_said || is_marked || kind == '중' && starts_sentence)
        || follows_school && IS.is_match(after)
        || is_said && IS.is_match(after) && !after.is_empty() && !after.starts_with(['.', ',', '!'])
}
