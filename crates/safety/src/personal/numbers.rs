//! Numbers that name a person: registration, telephone, card and account numbers.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

/// Digits with what people put between them.
static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[+(]?\d(?:[ \-ㅡ.,_/~*()]{0,3}\d|(?:에| ?다시) ?\d)*"));
/// A registration number whose second half is hidden or cut: 6 digits, a hyphen, the digit of sex and century.
static HALF_RRN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(\d{6}) ?- ?[1-8](?:[*x●○•]{1,6})?"));
static BANK: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "계좌|은행|뱅크|농협|수협|신협|새마을금고|우체국|카뱅|토뱅|케뱅|통장|입금|송금|이체|예금주|당첨금|보내래|보내라고|(?:국민|신한|하나|우리|기업|토스|카카오)(?:으로|로) |account|bank",
    )
});
static CARD: LazyLock<Regex> = LazyLock::new(|| pattern("카드|card|visa|비자|마스터"));
static RRN: LazyLock<Regex> = LazyLock::new(|| pattern("주민|민증|외국인등록|외국인 등록|신분증|rrn"));
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern("전화|번호|전번|폰|연락|문자|카톡|휴대|핸드폰|집번|call|phone|number|text me|contact|whatsapp")
});
/// What makes digits an exercise: signs of arithmetic directly beside them.
static PUBLIC: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "고객센터|콜센터|대표번호|상담전화|신고전화|상담 전화|신고 전화|안내 전화|문의 전화|시청|구청|도서관|박물관|보건소|소방서|경찰서|hotline",
    )
});
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "제 |제번호|내 |내번호|저는|나는|저한테|나한테|우리 집|우리집|엄마|아빠|집 전화|집전화|저희|연락 주|연락주|전화 주|전화주|my ",
    )
});

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    if view.digits() < 6 {
        return Vec::new();
    }
    let mut found: Vec<_> = view
        .matches(&DIGITS)
        .filter_map(|captures| captures.get(0))
        .flat_map(|run| classify(view, run.range()))
        .collect();
    found.extend(view.matches(&HALF_RRN).filter_map(|captures| {
        let (all, date) = (captures.get(0)?, captures.get(1)?);
        let (before, after) = view.around(&all.range());
        let alone = !before.is_some_and(|c| c.is_ascii_digit()) && !after.is_some_and(|c| c.is_ascii_digit());
        (alone && is_short_date(date.as_str())).then(|| (all.range(), PersonalKind::Rrn))
    }));
    found
}

fn classify(view: &View<'_>, range: Range<usize>) -> Option<(Range<usize>, PersonalKind)> {
    // A run may begin or end with the number of something else: `2반 010-1234-5678`, `010-1234-5678 1시`.
    let whole = kind_of(view, &range).map(|kind| (range.clone(), kind));
    whole.or_else(|| {
        let run = &view.text[range.clone()];
        let starts = run.char_indices().filter(|&(at, c)| c.is_ascii_digit() && at > 0 && begins(&run[..at]));
        let starts = std::iter::once(0).chain(starts.map(|(at, _)| at)).collect::<Vec<_>>();
        let ends = run.char_indices().filter(|&(at, c)| c.is_ascii_digit() && ends(&run[at + 1..]));
        let ends = ends.map(|(at, _)| at + 1).collect::<Vec<_>>();
        starts.iter().find_map(|&start| {
            let first = ends.partition_point(|&end| end <= start);
            let last = ends.partition_point(|&end| end <= start + LONGEST);
            ends[first..last].iter().rev().find_map(|&end| {
                let part = range.start + start..range.start + end;
                kind_of(view, &part).map(|kind| (part, kind))
            })
        })
    })
}

/// The most bytes of a number with what stands between its digits.
const LONGEST: usize = 48;

/// Whether a number can begin after this.
fn begins(before: &str) -> bool {
    before.ends_with([' ', ',', '(', '/', '~'])
}

/// Whether a number can end before this.
fn ends(after: &str) -> bool {
    after.is_empty() || after.starts_with([' ', ',', ')', '/', '~', '.'])
}

fn kind_of(view: &View<'_>, range: &Range<usize>) -> Option<PersonalKind> {
    let run = &view.text[range.clone()];
    let digits: String = run.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < 8 {
        return None;
    }
    let (before, after) = view.around(range);
    let is_arithmetic = |c: Option<char>| c.is_some_and(|c| "+*=×÷/^<>%".contains(c));
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || c == '.') || is_arithmetic(before) || is_arithmetic(after) {
        return None;
    }
    let sentence = view.sentence(range);
    let is_grouped = run.contains(['-', ' ', '.', ')', '_']) || !run.is_ascii();
    if is_phone(&digits, run, is_grouped, sentence) {
        return Some(PersonalKind::Phone);
    }
    if is_rrn(&digits) && (run.contains('-') || has_rrn_checksum(&digits) || RRN.is_match(&view.text)) {
        return Some(PersonalKind::Rrn);
    }
    let is_card_length = matches!(digits.len(), 14..=16);
    // Shorter groups are a sequence of numbers: one in ten has the checksum of a card by chance.
    let has_long_groups = run.split(|c: char| !c.is_ascii_digit()).all(|group| group.is_empty() || group.len() >= 4);
    let looks_like_card = has_luhn_checksum(&digits) && has_long_groups && (is_grouped || digits.len() > 14);
    if is_card_length && !run.contains(',') && (looks_like_card || CARD.is_match(sentence)) {
        return Some(PersonalKind::Card);
    }
    let is_account = (10..=16).contains(&digits.len()) && !run.contains(',') && BANK.is_match(sentence);
    is_account.then_some(PersonalKind::Account)
}

/// Mobile numbers in every form; landlines and numbers of internet telephones with separators, or where the sentence
/// speaks of a number. Short service numbers (109, 1388, 1588-…) belong to nobody.
fn is_phone(digits: &str, run: &str, is_grouped: bool, sentence: &str) -> bool {
    let (national, is_international) = match digits.strip_prefix("0082").or_else(|| digits.strip_prefix("82")) {
        Some(rest) if run.starts_with(['+', '(']) || digits.starts_with("00") || matches!(rest.len(), 9..=11) => {
            (format!("0{}", rest.trim_start_matches('0')), true)
        }
        _ => (digits.to_owned(), false),
    };
    let is_mobile = ["010", "011", "016", "017", "018", "019"].iter().any(|code| national.starts_with(code));
    if is_mobile && matches!(national.len(), 10..=11) && (national.len() == 11 || !national.starts_with("010")) {
        return !run.contains(',') || PHONE.is_match(sentence);
    }
    let area = if national.starts_with("02") { 2 } else { 3 };
    let is_area = national.starts_with("02")
        || national.starts_with("070")
        || national.starts_with("050")
        || matches!(national.as_bytes(), [b'0', b'3'..=b'6', b'1'..=b'5', ..]);
    let is_landline = is_area && matches!(national.len() - area, 7..=8);
    if is_landline && (is_grouped || is_international || PHONE.is_match(sentence)) {
        return !PUBLIC.is_match(sentence) || OWN.is_match(sentence);
    }
    // without the code of all mobiles: 번호는 1234-5678
    let is_service = ["15", "16", "18"].iter().any(|code| digits.starts_with(code)) && !OWN.is_match(sentence);
    digits.len() == 8
        && is_grouped
        && !is_service
        && run.len() == 9
        && PHONE.is_match(sentence)
        && !PUBLIC.is_match(sentence)
}

fn is_short_date(digits: &str) -> bool {
    let number = |range: Range<usize>| digits.get(range).and_then(|part| part.parse::<u8>().ok()).unwrap_or(0);
    (1..=12).contains(&number(2..4)) && (1..=31).contains(&number(4..6))
}

/// The form of resident (1–4) and foreigner (5–8) registration numbers: date of birth, sex and century, six more.
fn is_rrn(digits: &str) -> bool {
    digits.len() == 13 && is_short_date(digits) && matches!(digits.as_bytes()[6], b'1'..=b'8')
}

/// The check digit of registration numbers given out before October 2020 (주민등록법 시행규칙).
fn has_rrn_checksum(digits: &str) -> bool {
    let value = |c: u8| u32::from(c - b'0');
    let bytes = digits.as_bytes();
    let sum: u32 =
        bytes[..12].iter().zip([2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]).map(|(&c, weight)| value(c) * weight).sum();
    let base = if bytes[6] >= b'5' { 13 } else { 11 };
    (base - sum % 11) % 10 == value(bytes[12])
}

/// ISO/IEC 7812-1, annex B.
fn has_luhn_checksum(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, c)| {
            let value = u32::from(c - b'0') * if index % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    sum.is_multiple_of(10)
}
