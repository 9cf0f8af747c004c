//! Ways to reach somebody over the net: e-mail, ids of messengers; and passwords.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

use super::{PersonalKind, View, pattern};

static EMAIL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"[a-z0-9][a-z0-9._%+\-]*",
        r"(?: ?@ ?| ?[(\[<{] ?(?:at|골뱅이|@) ?[)\]>}] ?| ?골뱅이 ?| ?앳 ?| at )",
        r"(?:[a-z0-9\-]+(?:(?:\.| ?[(\[] ?(?:dot|닷|점) ?[)\]] ?| ?(?:닷|점|쩜) ?| dot )[a-z0-9\-]+)*(?:\.| ?[(\[] ?(?:dot|닷|점) ?[)\]] ?| ?(?:닷|점|쩜) ?| dot )(?:com|net|org|kr|io|me|edu|go|컴|넷|케이알|[a-z]{2,6})",
        r"|(?:네이버|지메일|구글|다음|한메일|네이트|카카오|핫메일|아웃룩|야후|naver|gmail|daum|hanmail|kakao|nate)(?: ?(?:\.|닷|점|쩜) ?(?:com|net|컴|넷))?)",
    ))
});

/// A service, then an id: `인스타 minsu_0412`, `디코는 minsu#1234`.
static MESSENGER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?:카톡|카카오톡|카카오|깨톡|인스타그램|인스타|디스코드|디코|텔레그램|텔레|라인|페메|페이스북|페북|스냅챗|스냅|트위터|틱톡|왓츠앱|위챗|스카이프|로블록스|로블|\binsta(?:gram)?|\big|kakao(?:talk)?|discord|telegram|snap(?:chat)?|tiktok|twitter|wechat|whatsapp|skype)",
        r"(?: ?(?:친구 추가|친구|추가|계정|부계|본계|부계정|본계정|dm|디엠))? ?(?:아이디|id|닉네임|닉|계정|주소|handle|username)?(?:은|는|이|가|로| is)? ?[:=]? ?",
        r"(@?[a-z0-9][a-z0-9._\-]{2,30}(?:#\d{3,5})?)",
    ))
});
/// `아이디는 minsu0412`, `@minsu_0412 친추`.
static ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(?:아이디|\bid|닉네임|username)(?:은|는|이|가| is)? ?[:=]? ?(@?[a-z0-9][a-z0-9._\-]{3,30}(?:#\d{3,5})?)")
});
static HANDLE: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[ (])(@[a-z0-9][a-z0-9._\-]{2,30})"));
static ADD_ME: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        "추가|친추|팔로|맞팔|선팔|연락|디엠|dm|메시지|톡 |톡해|(?:^| )내 |(?:^| )제 |나는|저는|제꺼|내꺼|계정|아이디|add me|follow|my ",
    )
});

/// Words of the services themselves, which are no ids.
const NOT_AN_ID: [&str; 30] = [
    "api", "app", "apps", "pc", "web", "dm", "bot", "bots", "sns", "ai", "www", "http", "https", "com", "and", "the",
    "for", "was", "are", "did", "can", "like", "story", "reels", "from", "with", "what", "when", "live", "server",
];

static PASSWORD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"(?:비밀번호|비밀 번호|비번|패스워드|암호|폰 잠금|잠금 번호|잠금번호|핀번호|핀 번호|password|passwd|passcode|\bpw|\bpin)(?:은|는|이|가|도| is|이랑)?(?: ?[:=])? ?",
        r#"['"]?([!-~]*[a-z0-9!@#$%^&*][!-~]*)"#,
    ))
});
/// A number that follows one of these words after a few others: `핀은 그대로 7391이야`.
static CODE_NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:비밀번호|비번|암호|잠금|핀|자물쇠)[가-힣 ]{0,14}?[^0-9a-z가-힣.\-]?(\d{4,8}|\d-\d-\d(?:-\d)?)(?:이[^가-힣상하]|이야|이에|예요|야|로|요|임|입니다|인데|에서|$|[.,!])",
    )
});
static GIVEN_AWAY: LazyLock<Regex> = LazyLock::new(|| {
    pattern("제 |내 |저 |우리|적어|기억|바꿨|까먹|잊|말하면|알려줄|계정|이야|이에요|예요|인데|임$|my ")
});
static SECRET_NEAR: LazyLock<Regex> = LazyLock::new(|| pattern("비밀번호|비번|패스워드|암호는|암호가|password"));
/// Letters mixed with digits or marks.
static MIXED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|[ '\x22])([a-z0-9!@#$%^&*_\-+가-힣]*[a-z가-힣][0-9!@#$%^&*_\-+]+[a-z0-9!@#$%^&*_\-+]*|[0-9]+[!@#$%^&*_+]*[a-z][a-z0-9!@#$%^&*_\-+]*)",
    )
});
/// What follows a password that is given away; code has other marks.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"`|\binput\(|print\(|\bif |\bdef |\bvar |\blet |\bconst |==|\{|;$|<input|\bpassword ?= ?[a-z_.]+\(")
});

pub(super) fn find(view: &View<'_>) -> Vec<(Range<usize>, PersonalKind)> {
    // Everything here has a Latin letter or a digit in it.
    if !view.text.contains(|c: char| c.is_ascii_alphanumeric()) {
        return Vec::new();
    }
    let has_at = ["@", "골뱅이", "앳", " at ", "at)", "at]"].iter().any(|at| view.text.contains(at));
    let emails = has_at.then(|| view.matches(&EMAIL)).into_iter().flatten();
    let emails = emails.filter(|captures| {
        !captures[0].contains("@example.") && !captures[0].contains("@test.") && !is_of_an_office(&captures[0])
    });
    let mut found: Vec<_> =
        emails.filter_map(|captures| Some((captures.get(0)?.range(), PersonalKind::Email))).collect();
    for captures in view.matches(&PASSWORD) {
        let Some(value) = captures.get(1) else { continue };
        let length = value.as_str().trim_end_matches(['\'', '"', '.', ',', '?', ')']).len();
        let range = value.start()..value.start() + length;
        let sentence = view.sentence(&range);
        let has_digit = view.text[range.clone()].contains(|c: char| c.is_ascii_digit());
        let (_, after) = view.around(&range);
        // 비밀번호 8자리, 비밀번호 1개: a number of something
        let is_count = length <= 2 && after.is_some_and(|c| !"이예입임야".contains(c));
        if length >= 3
            && (has_digit || after.is_some_and(|c| "이예입임야".contains(c)))
            && !is_count
            && !CODE.is_match(sentence)
            && !is_counted(&view.text[range.end..])
        {
            found.push((range, PersonalKind::Password));
        }
    }
    for captures in view.matches(&CODE_NUMBER) {
        let Some(value) = captures.get(1) else { continue };
        if !CODE.is_match(view.sentence(&value.range())) && !is_counted(&view.text[value.end()..]) {
            found.push((value.range(), PersonalKind::Password));
        }
    }
    if SECRET_NEAR.is_match(&view.text) {
        for captures in view.matches(&MIXED) {
            let Some(value) = captures.get(1) else { continue };
            let sentence = view.sentence(&value.range());
            let is_long = value.as_str().chars().count() >= 6 && !value.as_str().contains('@');
            let is_given = SECRET_NEAR.is_match(sentence) && GIVEN_AWAY.is_match(sentence);
            if is_long && is_given && !CODE.is_match(sentence) && !is_counted(&view.text[value.end()..]) {
                found.push((value.range(), PersonalKind::Password));
            }
        }
    }
    for (pattern, must_be_distinct) in [(&MESSENGER, true), (&ID, false), (&HANDLE, false)] {
        for captures in view.matches(pattern) {
            let Some(id) = captures.get(1) else { continue };
            let length = id.as_str().trim_end_matches(['.', '-']).len();
            let range = id.start()..id.start() + length;
            let word = &view.text[range.clone()];
            let is_distinct = word.contains(|c: char| c.is_ascii_digit() || "_.#@".contains(c));
            let says_so = ADD_ME.is_match(view.sentence(&range))
                && view.sentence(&range).contains(|c| matches!(c, '가'..='힣'))
                || view.text[range.end..].starts_with(['이', '예', '야', '임']);
            let is_word =
                NOT_AN_ID.contains(&word) || word.chars().all(|c| c.is_ascii_digit() || c == '.') && length < 5;
            if length >= 3
                && !is_word
                && (says_so || must_be_distinct && is_distinct)
                && !CODE.is_match(view.sentence(&range))
            {
                found.push((range, PersonalKind::Messenger));
            }
        }
    }
    found
}

/// Whether an address belongs to an office and to nobody in particular.
fn is_of_an_office(email: &str) -> bool {
    ["info", "help", "admin", "support", "contact", "webmaster", "noreply", "no-reply"]
        .iter()
        .any(|name| email.strip_prefix(name).is_some_and(|rest| rest.starts_with('@')))
}

/// Whether a unit follows: `비밀번호 8자리`.
fn is_counted(after: &str) -> bool {
    ["자리", "글자", "자 ", "개", "번", "가지", "회", "분", "초"]
        .iter()
        .any(|unit| after.trim_start().starts_with(unit))
}
