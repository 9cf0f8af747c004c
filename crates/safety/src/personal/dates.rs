//! Full dates of birth.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"((?:19|20)\d\d|['’]?\d\d) ?(?:년생?|[.\-/]) ?(?:음력 ?|양력 ?|빠른 ?)?(\d{1,2}) ?(?:월|[.\-/]) ?(\d{1,2})(?: ?일|\.)?(?:생)?",
        r"|((?:19|20)\d\d)(\d\d)(\d\d)|(\d\d)(\d\d)(\d\d)",
    ))
});
static ENGLISH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}(?:st|nd|rd|th)?,? (?:of )?(?:19|20)\d\d|\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*,? (?:19|20)\d\d",
    )
});
/// `이천십이년 유월 이일`.
static SPELT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "(?:이천|[공영일이삼사오육칠팔구])[영공일이삼사오육칠팔구십]{1,3}년 ?(?:정월|일월|이월|삼월|사월|오월|유월|육월|칠월|팔월|구월|시월|십월|십일월|십이월) ?[일이삼사오육칠팔구십]{1,4}일생?",
    )
});
/// A birthday without its year.
static BIRTHDAY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?:생일|생신)(?:은|는|이|:)? ?(?:음력 ?|양력 ?)?((?:\d{1,2} ?월 ?\d{1,2} ?일|\d{1,2}[/.]\d{1,2}|[01]\d[0-3]\d|(?:정월|[일이삼사오육유칠팔구시십]{1,2}월) ?[일이삼사오육칠팔구십]{1,4}일))",
        r"|(\d{1,2} ?월 ?\d{1,2} ?일)(?:이|에|은)? ?(?:제|내|저희|우리|동생|엄마|아빠)? ?(?:생일|생신|[가-힣]{0,3} ?태어)",
    ))
});
static BIRTH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "년생|일생|생일|생신|생년월일|생년|태어|출생|생이|생입|생임|생이야|생인데|주민등록상|born|birthday|birth|bday",
    )
});
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "제가|내가|저랑|나랑|동생|언니|오빠|누나|형|엄마|아빠|쌍둥이|생일이고|생일 |생일:|태어난 날|주민등록상|^ ?(?:저|나|전|난)[ 는은도]|[ ,](?:저는|나는|저도|나도|전|난|제|내|저 |나 )|^ ?(?:제|내) |생년월일|생년 월일|생일은|생일이|생일:|우리 |본인|\\bi\\b|\\bi'm\\b|\\bmy\\b|date of birth|dob",
    )
});
/// People of whom a lesson speaks.
static OTHERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "왕[이은의 ]|장군|의사[가는 ]|대통령|작가|시인|화가|과학자|선수|가수|배우[가는와였이 ]|위인|인물|황제|음악가|작곡가|독립운동|박사|주인공|캐릭터|그는|그녀|he was|she was|president|king|author",
    )
});

/// The earliest year in which a child of today, or a parent, was born.
const EARLIEST: u16 = 1960;

/// Whether the year is one in which a student of today was born.
fn is_of_a_child(date: &str) -> bool {
    let digits: String = date.trim_start_matches(['\'', '’']).chars().take_while(char::is_ascii_digit).collect();
    let year = digits.get(..4).filter(|year| year.starts_with("20")).or_else(|| digits.get(..2));
    year.and_then(|year| year.parse::<u16>().ok()).is_some_and(|year| matches!(year % 2000, 3..=25) && year != 19)
}

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    if !BIRTH.is_match(&view.text) {
        return Vec::new();
    }
    let dates = view.matches(&DATE).filter_map(|captures| {
        let range = captures.get(0)?.range();
        let numbers: Vec<u16> = captures
            .iter()
            .skip(1)
            .flatten()
            .filter_map(|part| part.as_str().trim_start_matches(['\'', '’']).parse().ok())
            .collect();
        let &[year, month, day] = &numbers[..] else { return None };
        let year = if year < 100 { if year < 40 { 2000 + year } else { 1900 + year } } else { year };
        let is_date = (EARLIEST..=2040).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        let (before, after) = view.around(&range);
        let is_whole = !before.is_some_and(|c| c.is_ascii_digit() || c == '.' || c == '-')
            && !after.is_some_and(|c| c.is_ascii_digit() || c == '-');
        (is_date && is_whole).then_some(range)
    });
    let english = view.matches(&ENGLISH).filter_map(|captures| Some(captures.get(0)?.range()));
    let spelt = view.matches(&SPELT).filter_map(|captures| Some(captures.get(0)?.range()));
    let days = view
        .matches(&BIRTHDAY)
        .filter_map(|captures| captures.iter().skip(1).flatten().next().map(|part| part.range()));
    let days = days.filter(|range| {
        let sentence = view.sentence(range);
        (OWN.is_match(sentence) || view.text[..range.start].trim_start().starts_with("생일"))
            && !OTHERS.is_match(sentence)
    });
    let days: Vec<_> = days.collect();
    dates
        .chain(english)
        .chain(spelt)
        .filter(|range| {
            let (sentence, near) = (view.sentence(range), view.near_text(range));
            let has_no_subject = view.text[..range.start].trim().is_empty();
            let is_own = has_no_subject || OWN.is_match(sentence);
            let is_of_others = OTHERS.is_match(sentence);
            if is_of_a_child(&view.text[range.clone()]) {
                let is_said = BIRTH.is_match(near) || view.text[range.clone()].ends_with('생');
                return is_said && (is_own || !is_of_others);
            }
            (BIRTH.is_match(sentence) && is_own || view.text[range.clone()].ends_with('생')) && !is_of_others
        })
        .chain(days)
        .map(|range| (range, PersonalKind::Birthdate))
        .collect()
}
