//! Where somebody lives and learns: addresses, the own school, student numbers.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

/// Regions before a street: `서울특별시 마포구`, `경기도 수원시 영통구`.
const REGION: &str = r"(?:(?:서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|충청북|충청남|전북|전남|전라북|전라남|경북|경남|경상북|경상남|제주)(?:특별자치시|특별자치도|특별시|광역시|시|도)? ?)?(?:[가-힣]{1,5}(?:시|군|구) ?){0,3}(?:[가-힣]{1,5}(?:읍|면) ?)?";

// The long patterns begin with much that is optional. Each runs only where a short one finds its core.
static STREET_AHEAD: LazyLock<Regex> = LazyLock::new(|| pattern(r"[가-힣0-9·](?:로|길) ?(?:지하 ?)?\d"));
static LOT_AHEAD: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:동|리|가|읍|면) ?(?:산 ?)?\d"));
static FLAT_AHEAD: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d ?동 ?\d{1,5} ?호"));
static ROOM_AHEAD: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\d호|\d층|단지 ?\d|(?:아파트|빌라|오피스텔) ?\d{1,4}동"));
static SCHOOL_AHEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"[가-힣](?:학교|여중|남중|여고|남고|공고|상고|과고|외고|체고|예고)|[가-힣][초중고](?: ?\d|에 다|[ ,]| 다)")
});

/// A building, a block, a flat or a floor behind an address.
const TAIL: &str = r"(?:,? ?(?:[가-힣a-z0-9]{1,12} ){0,3}?(?:(?:\d{1,4}|[가-하a-z])동 ?)?(?:지하 ?)?[a-z]?\d{1,5}(?:호|층)|,? ?(?:[가-힣a-z0-9]{1,12} ){0,2}?\d{1,4}동(?: ?\d{1,5}호)?|,? ?(?:[가-힣a-z0-9]{1,12} ){1,2}?\d{1,2}(?:차|단지) ?\d{2,4}-\d{2,5})?";

/// 도로명: a street with its number.
static STREET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"((?:[(]?\d{{5}}[)]? )?{REGION})([가-힣0-9·]{{1,10}}(?:대로|로|길)) ?(?:(\d{{1,4}})번?(가?길) ?)?(?:지하 ?)?(\d{{1,4}}(?:-\d{{1,4}})?)(번지|번)?(?:,? ?[(][가-힣0-9]{{1,10}}동[)])?{TAIL}"
    ))
});
/// 지번: a quarter with its lot.
static LOT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"((?:[(]?\d{{5}}[)]? )?{REGION})([가-힣0-9]{{1,6}}(?:동|리|가|읍|면)) ?(?:산 ?)?(\d{{1,4}}(?:-\d{{1,4}})?)( ?번지)?{TAIL}"
    ))
});
/// 동·호: a flat.
static FLAT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?:{REGION}(?:[가-힣0-9]{{1,6}}동 )?[가-힣a-z0-9]{{1,14}} ?(?:아파트|apt|빌라|오피스텔|맨션|타운|자이|푸르지오|래미안|힐스테이트|롯데캐슬|더샵|아이파크|주공|캐슬|빌리지|빌|하우스)? ?(?:\d{{1,2}}(?:차|단지) ?)?)?\d{{1,4}} ?동 ?\d{{1,5}} ?호"
    ))
});
/// A flat without its block.
static ROOM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?:{REGION}(?:[가-힣0-9]{{1,6}}동 )?)?[가-힣a-z0-9]{{1,14}} ?(?:아파트|apt|빌라|오피스텔|맨션|타운|자이|푸르지오|래미안|힐스테이트|롯데캐슬|더샵|아이파크|주공|원룸|고시원|빌) ?(?:\d{{1,2}}(?:차|단지) ?)?(?:(?:\d{{1,4}}동|[가-하a-z]동)?(?: ?[a-z]?\d{{2,5}}호| ?\d{{1,2}}층)|\d{{2,4}}-\d{{2,5}})|(?:아파트|빌라|오피스텔) ?\d{{1,4}}동"
    ))
});
/// An address in English: `107-dong, 42 Dongtan-daero 5-gil, Hwaseong-si`.
static ENGLISH_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:(?:room|apt|unit|#) ?\d+,? )?(?:\d+-(?:dong|ho),? )*\d+(?:-\d+)?,? [a-z]+-(?:daero|ro|gil|dong)(?: \d+-gil)?(?:,? [a-z]+-(?:dong|gu|si|do|gun))*(?:, (?:seoul|busan|incheon|daegu|daejeon|gwangju|ulsan|sejong|korea))*",
    )
});
static HOME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "주소|살아|살고|사는|삽니다|산다|우리 집|우리집|내 집|제 집|집은|집이|집으로|집에|거주|택배|배송|이사|자취|i live|my address|my home|my house",
    )
});
static OWN_HOME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "살아|살고|사는|삽니다|우리 ?집|내 ?집|제 ?집|집 ?주소|우리 |내 |제 |저희|택배|배송|이사|자취|배달|i live|my ",
    )
});
static PUBLIC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "청와대|시청|구청|도청|군청|국회|박물관|미술관|도서관|경복궁|궁궐|궁은|기념관|공원|역은|역이|타워|센터|본사|대학교|법원|병원|소설|주인공|독도|[가-힣]궁 |광장|성당|유적|생가|문화재|경기장|우체국|소방서|경찰서|방송국",
    )
});

/// A school with class, or words of going there.
static SCHOOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"((?:[가-힣]{1,4}(?:시|군|구|도) )?[가-힣]{1,8}?(?:초등학교|중학교|고등학교|여자중학교|여자고등학교|대안학교|국제학교|특수학교|여중|남중|여고|남고|공고|상고|과고|외고|체고|예고|초|중|고))",
        r"( ?\d ?학년(?: ?\d{1,2} ?반)?(?: ?\d{1,2} ?번)?| ?\d{1,2}-\d{1,2}(?: ?반)?)?",
    ))
});
static ENGLISH_SCHOOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:go to|attend|student at|study at|from|school is|enrolled at|class \d+ at|grade at|graders? at|in) ((?:[a-z]+ ){1,3}(?:elementary|middle|high|primary|international) school)",
    )
});
static ATTENDS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "^(?:에|를|을|의|이|가)? ?(?:다녀|다니|다님|다닙|재학|학생|입학|전학|졸업|에 다|이에요|예요|입니다|이야|임|이고|인데|[1-3]학년|\\d ?학년|\\d ?반|전교|배정)",
    )
});
static OWN_SCHOOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "(?:(?:우리|저희|제|내) ?학교 ?(?:이름)? ?(?:는|은|가|이)?|학교는|학교 ?이름은|학교:|다니는 ?(?:학교|곳)(?:는|은)|소속은?:?|저는|나는|^ ?저|^ ?나|안녕하세요,?) ?$",
    )
});
static STORY: LazyLock<Regex> =
    LazyLock::new(|| pattern("소설|주인공|동화|이야기 속|드라마|웹툰|만화|영화|등장인물|배경으로"));
const NOT_A_SCHOOL: [&str; 37] = [
    "최초", "기초", "태초", "애초", "당초", "시초", "몇초", "수초", "화초", "잡초", "약초", "해초", "식초", "양초",
    "산초", "집중", "도중", "공중", "수중", "와중", "나중", "대중", "민중", "관중", "체중", "비중", "존중", "최고",
    "광고", "보고", "참고", "사고", "경고", "창고", "재고", "권고", "선고",
];

/// Numbers by which a school knows a student.
static STUDENT_ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:학번|수험 ?번호|학생 ?번호|학생증 ?번호|응시 ?번호|수험번호)(?:은|는|이|가)? ?[:=]? ?((?:[a-z]-?)?\d[\d\- ]{2,11}\d)|student (?:id|number)(?: is)? ?:? ?([a-z]?\d[\d\-]{2,11})",
    )
});
/// `2학년 3반 15번`: one child.
static CLASS_NUMBER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"[1-6] ?학년 ?\d{1,2} ?반,? ?\d{1,2} ?번(?:[^ㄱ-힣째]|이|예|입|임|인|[ ,.]|$)"));
static ROLL_NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"출석 ?번호(?:은|는|가)? ?[:=]? ?(\d{1,2} ?번)"));
static ID_BESIDE_NAME: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[ (\[])([1-3](?:0\d|1[0-9])[0-4]\d)[ _)\]]{0,2}[가-힣]{3}(?:[ ).,이입]|$)"));

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    let mut found = if view.digits() > 0 { addresses(view) } else { Vec::new() };
    found.extend(schools(view));
    found.extend(student_numbers(view));
    found
}

fn addresses(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    let mut found = Vec::new();
    let mut push = |range: Range<usize>| found.push((trim(view, range), PersonalKind::Address));
    for captures in view.matches(&ENGLISH_ADDRESS) {
        captures.get(0).into_iter().for_each(|all| push(all.range()));
    }
    for captures in view.near(&FLAT_AHEAD, &FLAT) {
        captures.get(0).into_iter().for_each(|all| push(all.range()));
    }
    for captures in view.near(&STREET_AHEAD, &STREET) {
        let (Some(all), Some(region), Some(street)) = (captures.get(0), captures.get(1), captures.get(2)) else {
            continue;
        };
        let sentence = view.sentence(&all.range());
        let (_, after) = view.around(&all.range());
        let is_unit = after.is_some_and(|c| "개배명분시년월위번도만천원장권점%℃mckg".contains(c))
            && captures.get(5).is_some()
            && captures.get(6).is_none();
        let has_region = !region.is_empty();
        let has_alley =
            captures.get(4).is_some() || street.as_str().ends_with("대로") && street.as_str().chars().count() > 3;
        let is_home = HOME.is_match(sentence) && street.as_str().chars().count() > 2;
        let is_public = PUBLIC.is_match(sentence) && !OWN_HOME.is_match(sentence);
        if (has_region || has_alley || is_home) && !is_unit && !is_public {
            push(all.range());
        }
    }
    for captures in view.near(&LOT_AHEAD, &LOT) {
        let (Some(all), Some(region)) = (captures.get(0), captures.get(1)) else { continue };
        let sentence = view.sentence(&all.range());
        let is_lot = captures.get(4).is_some() || all.as_str().contains('-');
        let is_home = HOME.is_match(sentence);
        let is_public = PUBLIC.is_match(sentence) && !OWN_HOME.is_match(sentence);
        let (_, after) = view.around(&all.range());
        let is_unit = after.is_some_and(|c| "개배명분시년월위도만천원장권점%℃번반회차호".contains(c));
        let has_region = region.as_str().contains(['시', '군', '구']);
        if !is_public && !is_unit && (has_region && (is_lot || is_home) || is_lot && is_home) {
            push(all.range());
        }
    }
    for captures in view.near(&ROOM_AHEAD, &ROOM) {
        let Some(all) = captures.get(0) else { continue };
        if HOME.is_match(view.sentence(&all.range())) || all.as_str().contains('호') {
            push(all.range());
        }
    }
    found
}

fn schools(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    let mut found = Vec::new();
    for captures in view.near(&SCHOOL_AHEAD, &SCHOOL) {
        let (Some(all), Some(name)) = (captures.get(0), captures.get(1)) else { continue };
        let has_class = captures.get(2).is_some();
        let last = name.as_str().split(' ').next_back().unwrap_or_default();
        let is_full = last.ends_with("학교")
            && !last.starts_with("초등학교")
            && !last.starts_with("중학교")
            && !last.starts_with("고등학교");
        let is_generic = [
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
        ]
        .iter()
        .any(|word| {
            last.strip_prefix(word)
                .is_some_and(|rest| ["초등학교", "중학교", "고등학교", "초", "중", "고", "학교"].contains(&rest))
        });
        let is_invented = STORY.is_match(view.sentence(&all.range()));
        if is_invented || is_generic || NOT_A_SCHOOL.iter().any(|word| last.ends_with(word)) && !is_full {
            continue;
        }
        let after = &view.text[all.end()..];
        let before = &view.text[..all.start()];
        let is_attended = ATTENDS.is_match(after) || OWN_SCHOOL.is_match(before);
        let is_own = if is_full {
            has_class || is_attended
        } else {
            last.chars().count() >= 3
                && (has_class
                    || is_attended
                        && (after.starts_with("에 다")
                            || after.starts_with(" 다")
                            || OWN_SCHOOL.is_match(before) && after.starts_with(" 학생")))
        };
        if is_own {
            found.push((trim(view, all.range()), PersonalKind::School));
        }
    }
    found.extend(
        view.matches(&ENGLISH_SCHOOL).filter_map(|captures| Some((captures.get(1)?.range(), PersonalKind::School))),
    );
    found
}

fn student_numbers(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    if view.digits() < 2 {
        return Vec::new();
    }
    let groups = [&*STUDENT_ID, &*ROLL_NUMBER, &*ID_BESIDE_NAME]
        .into_iter()
        .flat_map(|pattern| view.matches(pattern))
        .filter_map(|captures| captures.iter().skip(1).flatten().next().map(|part| part.range()));
    let classes = view.matches(&CLASS_NUMBER).filter_map(|captures| {
        let all = captures.get(0)?;
        Some(all.start()..all.start() + all.as_str().rfind('번')? + '번'.len_utf8())
    });
    groups.chain(classes).map(|range| (range, PersonalKind::StudentId)).collect()
}

/// Without white space at its ends.
fn trim(view: &View<'_>, range: Range<usize>) -> Range<usize> {
    let text = &view.text[range.clone()];
    let start = range.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}
