//! Numbers by which a school knows a student.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

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
/// What tells that a number near it is a student's.
static SAID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "학번|학생증|수험표|수험 ?번호|학생 ?번호|출석 ?번호|대출 번호|대출증|student id|student number|school id|id number",
    )
});
/// Numbers as schools give them: grade, class and number; a year with more; letters before digits.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[^0-9a-z.\-])((?:[a-z]{1,3}-?\d{4,8})|(?:20)?\d\d[a-z]\d{3,5}|[1-6][01]\d[0-5]\d|20\d\d-?\d{1,2}-?\d{2,4}|20\d{4,7}|\d ?\d\d ?\d\d|[가-하]-\d{3,5})(?:[^0-9a-z.\-]|$)",
    )
});
static OWN: LazyLock<Regex> = LazyLock::new(|| {
    pattern("제 |제가|내 |내가|저는|나는|전 |난 |저희|우리|제출|로그인|적|인데|예요|이에요|입니다|my |me|이야|번")
});
/// `30204번이에요`, `10417_김가온`.
static BY_ITSELF: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[ '(])([1-3][01]\d[0-4]\d)(?:번(?:이에요|입니다|인데|이요|이고)|_[가-힣]{2,4})"));

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    if view.digits() < 2 {
        return Vec::new();
    }
    let groups = [&*STUDENT_ID, &*ROLL_NUMBER, &*ID_BESIDE_NAME, &*BY_ITSELF]
        .into_iter()
        .flat_map(|pattern| view.matches(pattern))
        .filter_map(|captures| captures.iter().skip(1).flatten().next().map(|part| part.range()));
    let classes = view.matches(&CLASS_NUMBER).filter_map(|captures| {
        let all = captures.get(0)?;
        Some(all.start()..all.start() + all.as_str().rfind('번')? + '번'.len_utf8())
    });
    let near = SAID.is_match(&view.text).then(|| view.matches(&NUMBER)).into_iter().flatten().filter_map(|captures| {
        let number = captures.get(1)?.range();
        let near = view.near_text(&number);
        (SAID.is_match(near) && OWN.is_match(near)).then_some(number)
    });
    groups.chain(classes).chain(near).map(|range| (range, PersonalKind::StudentId)).collect()
}
