//! Full dates of birth.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"((?:19|20)\d\d|['’]?\d\d) ?(?:년생?|[.\-/]) ?(?:음력 ?|양력 ?)?(\d{1,2}) ?(?:월|[.\-/]) ?(\d{1,2})(?: ?일|\.)?(?:생)?",
        r"|((?:19|20)\d\d)(\d\d)(\d\d)|(\d\d)(\d\d)(\d\d)",
    ))
});
static ENGLISH: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}(?:st|nd|rd|th)?,? (?:of )?(?:19|20)\d\d|\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*,? (?:19|20)\d\d",
    )
});
static BIRTH: LazyLock<Regex> =
    LazyLock::new(|| pattern("생일|생년월일|생년|태어났|태어난|출생|생이|생입|생임|생이야|생인데|born|birthday|birth"));
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "^ ?(?:저|나|전|난)[ 는은도]|[ ,](?:저는|나는|저도|나도|전|난|제|내|저 |나 )|^ ?(?:제|내) |생년월일|생년 월일|생일은|생일이|생일:|우리 |본인|\\bi\\b|\\bi'm\\b|\\bmy\\b|date of birth|dob",
    )
});
/// People of whom a lesson speaks.
static OTHERS: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "왕|장군|의사|대통령|작가|시인|화가|과학자|선수|가수|배우|위인|인물|황제|음악가|작곡가|독립운동|박사|주인공|캐릭터|그는|그녀|he was|she was|president|king|author",
    )
});

/// The earliest year in which a child of today, or a parent, was born.
const EARLIEST: u16 = 1960;

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    if view.digits() < 4 {
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
    dates
        .chain(english)
        .filter(|range| {
            let sentence = view.sentence(range);
            let has_no_subject = view.text[..range.start].trim().is_empty();
            let is_own =
                BIRTH.is_match(sentence) && (has_no_subject || OWN.is_match(sentence)) && !OTHERS.is_match(sentence);
            is_own || view.text[range.clone()].ends_with('생') && !OTHERS.is_match(sentence)
        })
        .map(|range| (range, PersonalKind::Birthdate))
        .collect()
}
