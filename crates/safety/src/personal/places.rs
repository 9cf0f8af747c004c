//! Where somebody lives.

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
    LazyLock::new(|| pattern(r"\d호|\d층|단지 ?\d|(?:아파트|빌라|오피스텔|주공|마을) ?\d{1,4}동"));

/// A building, a block, a flat or a floor behind an address.
const TAIL: &str = r"(?:,? ?(?:[가-힣a-z0-9]{1,12} ){0,3}?(?:(?:\d{1,4}|[가-하a-z])동 ?)?(?:반?지하 ?)?[a-z]?\d{1,5}(?:호|층)(?: ?라인)?(?: ?\d{1,2}층)?|,? ?(?:반?지하|지층|옥탑)(?: ?\d{0,2}호)?|,? ?(?:[가-힣a-z0-9]{1,12} ){0,2}?\d{1,4}동(?: ?\d{1,5}호)?|,? ?(?:[가-힣a-z0-9]{1,12} ){1,2}?\d{1,2}(?:차|단지) ?\d{2,4}-\d{2,5})?";

/// 도로명: a street with its number.
static STREET: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"((?:[(]?\d{{5}}[)]? )?{REGION})([가-힣0-9·]{{1,10}}(?:대로|로|길)) ?(?:(\d{{1,4}})번?(가?길) ?)?(?:지하 ?)?(\d{{1,4}}(?:-\d{{1,4}})?)(번지|번)?(?:,? ?[(](?:[가-힣0-9]{{1,10}}동,? ?)?(?:[가-힣0-9]{{2,12}}(?: ?\d{{1,4}}동)?(?: ?\d{{1,4}}호)?)?[)])?{TAIL}"
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
        r"(?:{REGION}(?:[가-힣0-9]{{1,6}}동 )?[가-힣a-z0-9]{{1,14}} ?(?:아파트|apt|빌라|오피스텔|맨션|타운|자이|푸르지오|래미안|힐스테이트|롯데캐슬|더샵|아이파크|주공|캐슬|빌리지|빌|하우스)? ?(?:\d{{1,2}}(?:차|단지) ?)?)?\d{{1,4}} ?동 ?\d{{1,5}} ?호(?: ?라인)?(?: ?\d{{1,2}}층)?"
    ))
});
/// A flat without its block.
static ROOM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&format!(
        r"(?:{REGION}(?:[가-힣0-9]{{1,6}}동 )?)?[가-힣a-z0-9]{{1,14}} ?(?:아파트|apt|빌라|오피스텔|맨션|타운|자이|푸르지오|래미안|힐스테이트|롯데캐슬|더샵|아이파크|주공|마을|원룸|고시원|기숙사|생활관|하우스|빌) ?(?:\d{{1,2}}(?:차|단지) ?)?(?:(?:\d{{1,4}}동|[가-하a-z]동)?(?: ?반?지하)?(?: ?[a-z]?\d{{1,5}}호| ?\d{{1,2}}층)|\d{{2,4}}-\d{{2,5}}|\d{{2,4}}동)|(?:아파트|빌라|오피스텔) ?\d{{1,4}}동"
    ))
});
/// An address in English: `107-dong, 42 Dongtan-daero 5-gil, Hwaseong-si`.
static ENGLISH_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:(?:room|apt|unit|#) ?\d+,? )?(?:\d+-(?:dong|ho|\d+),? )*\d+(?:-\d+)?,? [a-z]+-(?:daero|ro|gil|dong)(?: \d+-gil)?(?:,? [a-z]+-(?:dong|gu|si|do|gun))*(?:, (?:seoul|busan|incheon|daegu|daejeon|gwangju|ulsan|sejong|korea))*",
    )
});
static HOME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "주소|도로명|지번|번지로|집이라|집인|살아|살고|사는|삽니다|산다|우리 집|우리집|내 집|제 집|집은|집이|집으로|집에|거주|택배|배송|이사|자취|i live|my address|my home|my house",
    )
});
static OWN_HOME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "에 살|에서 살|살아요|살고|사는|삽니다|산다|우리 ?집|내 ?집|제 ?집|집 ?주소|우리 |내 |제 |저희|택배|배송|이사|자취|배달|i live|my ",
    )
});
static PUBLIC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "청와대|시청|구청|도청|군청|국회|박물관|미술관|도서관|경복궁|궁궐|궁은|기념관|공원|역은|역이|타워|센터|본사|대학교|법원|병원|소설|주인공|독도|[가-힣]궁 |광장|성당|유적|생가|문화재|경기장|우체국|소방서|경찰서|방송국",
    )
});

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    if view.digits() == 0 {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut push = |range: Range<usize>| found.push((view.trim(range), PersonalKind::Address));
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
