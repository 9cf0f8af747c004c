//! Which addresses a link may have, where a bare address ends, and when a link's text hides where it leads.

use super::hangul::is_hangul;
use super::particle;
use super::sanitise::turns_direction;
use ammonia::Url;
use std::ops::Range;

/// Longest address that becomes a link, in bytes.
const MAX_BYTES: usize = 2_000;

/// The address as it may stand in `href`, or `None` if it must not become a link.
///
/// Only `http:`, `https:` and `mailto:` with something behind them. Browsers drop tabs, line ends and leading control
/// characters from addresses, so an address with any control character or space is refused rather than repaired; so are
/// the invisible signs that turn the writing direction, and a user name (`https://bank.example@other.example`): both can
/// make an address look like another. So is what no URL parser accepts: the sanitiser would take the address away and
/// leave a link that leads nowhere.
pub(super) fn allowed(url: &str) -> Option<&str> {
    let (scheme, rest) = ["https://", "http://", "mailto:"].iter().find_map(|scheme| {
        let start = url.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| (*scheme, &url[scheme.len()..]))
    })?;
    let hidden = |c: char| c.is_control() || c.is_whitespace() || is_invisible(c);
    let plausible = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let user = scheme != "mailto:" && rest.split(['/', '?', '#', '\\']).next().is_some_and(|host| host.contains('@'));
    (plausible
        && !user
        && url.len() <= MAX_BYTES
        && !url.contains(hidden)
        && !url.contains(['<', '>', '"', '`'])
        && Url::parse(url).is_ok())
    .then_some(url)
}

/// The characters of no width, and those that turn the direction of writing.
fn is_invisible(c: char) -> bool {
    turns_direction(c) || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The host of a web address, or the whole of a mail address.
fn host(url: &str) -> &str {
    let lower = |start: &str| url.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
    if lower("mailto:") {
        return url["mailto:".len()..].split('?').next().unwrap_or_default();
    }
    let rest = url.find("://").map_or(url, |at| &url[at + 3..]);
    let host = rest.split(['/', '?', '#', '\\', ':']).next().unwrap_or_default();
    host.rsplit('@').next().unwrap_or_default()
}

/// The real target of a link, if its text looks like another address.
pub(super) fn mismatched_host<'u>(text: &str, url: &'u str) -> Option<&'u str> {
    let real = host(url);
    let text = text.chars().filter(|&c| turns_direction(c) || !is_invisible(c)).collect::<String>();
    let turned = text.contains(turns_direction);
    let other =
        text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>' | '"' | '\'' | ',')).any(|word| {
            let word = word.trim_matches(|c: char| !c.is_alphanumeric());
            let named = if real.contains('@') { word.trim_start_matches("mailto:") } else { host(word) };
            let (named, ends_in_top_level) = named_host(named);
            let address = word.contains("://") || word.contains('@') || ends_in_top_level;
            address && canonical_host(named) != canonical_host(real)
        });
    (turned || other).then_some(real)
}

/// The host that a word names, without the particle behind a Korean top level, and whether it ends in a top level.
fn named_host(word: &str) -> (&str, bool) {
    let is_dot = |c| matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}');
    let Some((names, top)) = word.rsplit_once(is_dot) else { return (word, false) };
    if let Some(length) = top_level(top) {
        let particle = &top[length..];
        let end = word.len() - particle.len();
        let is_host = names.contains(char::is_alphabetic) && (particle.is_empty() || particle::is_particle(particle));
        return (if is_host { &word[..end] } else { word }, is_host);
    }
    // No other Hangul is a top level: `가.나` is text.
    let is_name = top.chars().nth(1).is_some() && top.chars().all(|c| c.is_alphabetic() && !is_hangul(c));
    let is_encoded = top.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    (word, is_name || is_encoded)
}

/// The one spelling of a host: lower case, Punycode, without `www.`.
fn canonical_host(host: &str) -> String {
    // A longer name is no host, and Punycode costs the square of its length.
    let is_host = host.len() <= MAX_BYTES && !host.contains('@');
    let parsed = if is_host { Url::parse(&format!("https://{host}")).ok() } else { None };
    let host = parsed.as_ref().and_then(Url::host_str).map_or_else(|| host.to_lowercase(), str::to_owned);
    host.trim_start_matches("www.").trim_end_matches('.').to_owned()
}

/// The bare address that begins at `at`: its range, and whether its scheme must be added.
pub(super) fn bare(text: &str, at: usize) -> Option<(Range<usize>, bool)> {
    let rest = &text[at..];
    let starts = |start: &str| rest.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start));
    let scheme = ["https://", "http://", "www."].into_iter().find(|start| starts(start))?;
    // `_https://example.com_`: the mark of emphasis, not a part of a name.
    let (before, mark) = match text[..at].trim_end_matches('_') {
        behind if behind.len() < at => (behind.chars().next_back(), true),
        behind => (behind.chars().next_back(), false),
    };
    let glued = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '@' | '.' | '-') || mark && c.is_alphanumeric();
    if before.is_some_and(|c| glued(c) || c == '<' && scheme != "www.") {
        return None;
    }
    let content = &rest[scheme.len()..];
    let end = scheme.len() + end(content);
    let address = &rest[..end];
    let host = host(if scheme == "www." { address } else { &address[scheme.len()..] });
    let plausible = host.starts_with(char::is_alphanumeric) && (scheme != "www." || host.matches('.').count() > 1);
    (plausible && end <= MAX_BYTES).then_some((at..at + end, scheme == "www."))
}

/// Bytes of the address at the start of `text`, without what the sentence goes on with.
fn end(text: &str) -> usize {
    let (mut end, mut path, mut word) = (text.len(), false, false);
    for (at, c) in text.char_indices() {
        let hangul = is_hangul(c);
        let rest = &text[at..];
        let stops = match c {
            _ if at > MAX_BYTES => true,
            // Hangul is the sentence's, unless a label of the host, or a name in the path, begins with it.
            _ if hangul && word => false,
            _ if hangul && path => !(ends_with_separator(&text[..at]) && begins_name(rest)),
            _ if hangul => !((at == 0 || text[..at].ends_with('.')) && begins_label(rest)),
            '<' | '>' | '"' | '`' | '*' | '|' | '\\' | '[' | ']' | '{' | '}' | '^' => true,
            '~' => rest[1..].starts_with('~'),
            ',' | ';' => ["http://", "https://", "www."].iter().any(|start| rest[1..].trim_start().starts_with(start)),
            _ if c.is_ascii() => c.is_ascii_whitespace() || c.is_control(),
            _ => !c.is_alphanumeric() || matches!(c, '\u{ff00}'..='\u{ffef}'),
        };
        if stops {
            end = at;
            break;
        }
        // A Korean top level ends the host: `한글.한국에서`.
        if hangul
            && !word
            && !path
            && !another_label_follows(rest)
            && let Some(length) = top_level(rest)
            && !rest[length..].starts_with(['/', '?', '#', ':'])
        {
            end = at + length;
            break;
        }
        word = hangul;
        path |= matches!(c, '/' | '?' | '#');
    }
    end = particle::length_without_particle(&text[..end], &text[end..]);
    let count = |mark| text[..end].bytes().filter(|&byte| byte == mark).count();
    let (opening, mut closing) = (count(b'('), count(b')'));
    while let Some(last) = text[..end].chars().next_back() {
        let unbalanced = last == ')' && closing > opening;
        if !(unbalanced || matches!(last, '.' | ',' | ':' | ';' | '!' | '?' | '\'' | '_' | '~' | '(' | '%' | '&')) {
            break;
        }
        closing -= usize::from(unbalanced);
        end -= last.len_utf8();
    }
    end
}

/// Whether a Korean name may begin behind this part of an address.
fn ends_with_separator(before: &str) -> bool {
    before.ends_with(['/', '=', '#', '_', '-', ':', '(', '%', '+', '.', ','])
        || before.len() >= 3
            && before.is_char_boundary(before.len() - 3)
            && before[before.len() - 3..].starts_with("%2")
}

/// Whether the Hangul that begins `text` is a name rather than a particle.
fn begins_name(text: &str) -> bool {
    let length = text.find(|c: char| !is_hangul(c)).unwrap_or(text.len());
    !particle::is_particle(&text[..length])
}

/// Whether a label of a host begins `text`: another follows, or it is a top level.
fn begins_label(text: &str) -> bool {
    another_label_follows(text) || top_level(text).is_some()
}

/// Whether a dot and another label stand behind the one that begins `text`.
fn another_label_follows(text: &str) -> bool {
    let length = text.find(|c: char| !(c.is_alphanumeric() || c == '-')).unwrap_or(text.len());
    text[length..].strip_prefix('.').is_some_and(|next| next.starts_with(char::is_alphanumeric))
}

/// Bytes of the destination of a link that begins at `at`, if there are spaces in it: `[글](https://example.com/두 낱말)`.
pub(super) fn spaced_destination(line: &str, at: usize) -> Option<usize> {
    if !line[..at].ends_with("](") || !line[at..].starts_with("http") {
        return None;
    }
    let mut depth = 0_usize;
    let mut chars = line[at..].char_indices().take(MAX_BYTES);
    let length = chars.find_map(|(length, c)| match c {
        '"' | '\'' | '<' | '>' | '[' | '\n' => Some(0),
        '(' => {
            depth += 1;
            None
        }
        ')' if depth == 0 => Some(length),
        ')' => {
            depth -= 1;
            None
        }
        _ => None,
    })?;
    line[at..at + length].trim_end().contains(' ').then_some(length)
}

/// Bytes of the Korean top level of a host that begins `text`.
fn top_level(text: &str) -> Option<usize> {
    ["한국", "닷컴", "닷넷", "삼성"].into_iter().find(|top| text.starts_with(top)).map(str::len)
}

/// Whether this is the address of a web page that only lacks its scheme: `www.example.com`, `example.com/a`.
pub(super) fn lacks_scheme(url: &str) -> bool {
    const TOPS: [&str; 8] = ["com", "net", "org", "kr", "io", "edu", "gov", "dev"];
    let host = url.split(['/', '?', '#']).next().unwrap_or_default();
    let mut labels = host.split('.');
    let top = labels.next_back().unwrap_or_default();
    let names = labels.clone().count();
    labels.all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        && (names > 0 && TOPS.contains(&top) || names > 1 && host.starts_with("www.") && !top.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_web_and_mail_addresses_become_links() {
        for good in ["https://example.com", "HTTP://example.com/한국어?a=b#c", "mailto:a@example.com", "https://[::1]/"]
        {
            assert_eq!(allowed(good), Some(good));
        }
        for bad in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            " https://example.com",
            "java\nscript:alert(1)",
            "\u{1}javascript:x",
            "data:text/html,x",
            "vbscript:x",
            "//example.com",
            "/etc/passwd",
            "#top",
            "",
            "https://",
            "http:///x",
            "ftp://example.com",
            "https:example.com",
            "mailto:",
            "https://a\u{202e}moc",
            "https://a b",
            "https://a\"onclick=x",
            "file:///x",
            "blob:https://x",
            "https://bank.example@other.example/",
            "https://example.com:99999/",
            "https://[::1",
            "https://example%00.com",
            "https://1.2.3.256/",
            "https://xn--a",
            "https://a|b.example",
            "https://a\u{ad}b.example",
        ] {
            assert_eq!(allowed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_particle_behind_a_bare_address_is_not_part_of_it() {
        for (text, address) in [
            ("https://example.com를", "https://example.com"),
            ("https://example.com/a에서는", "https://example.com/a"),
            ("https://ko.wikipedia.org/wiki/빛", "https://ko.wikipedia.org/wiki/빛"),
            ("https://ko.wikipedia.org/wiki/물질대사_(생물)를", "https://ko.wikipedia.org/wiki/물질대사_(생물)"),
            ("https://example.com", "https://example.com"),
            ("https://example.com/으로는", "https://example.com/"),
            ("https://example.com（설명）를", "https://example.com"),
            ("https://example.com…", "https://example.com"),
            ("https://example.com**을", "https://example.com"),
            ("https://example.com).", "https://example.com"),
            ("https://example.com/a_(b)", "https://example.com/a_(b)"),
            ("https://example.com/?q=빛&x=1입니다", "https://example.com/?q=빛&x=1"),
            ("https://example.com」", "https://example.com"),
            ("https://example.com|", "https://example.com"),
        ] {
            assert_eq!(bare(text, 0).map(|(range, _)| &text[range]), Some(address), "{text}");
        }
        assert_eq!(bare("www.example.com에", 0), Some((0..15, true)));
        assert_eq!(bare("xhttps://example.com", 1), None);
        assert_eq!(bare("www.", 0), None);
    }

    #[test]
    fn a_text_that_names_another_place_is_found() {
        for (text, url, host) in [
            ("https://bank.example", "https://other.example/x", Some("other.example")),
            ("bank.example", "https://other.example", Some("other.example")),
            ("a@bank.example", "mailto:b@other.example", Some("b@other.example")),
            ("https://www.bank.example/a", "https://bank.example/b", None),
            ("은행 누리집", "https://other.example", None),
            ("3.14", "https://other.example", None),
            ("print.py", "https://other.example", Some("other.example")),
            ("은행.한국", "https://evil.example", Some("evil.example")),
            ("은행.한국에서", "https://evil.example", Some("evil.example")),
            ("www.은행.닷컴/로그인", "https://evil.example", Some("evil.example")),
            ("은행。한국", "https://evil.example", Some("evil.example")),
            ("банк.рф", "https://evil.example", Some("evil.example")),
            ("a.xn--3e0b707e", "https://evil.example", Some("evil.example")),
            ("bank.exa\u{200b}mple", "https://evil.example", Some("evil.example")),
            ("은행.한국에서", "https://은행.한국/a", None),
            ("은행.한국", "https://xn--zs5b84x.xn--3e0b707e", None),
            ("BANK.example", "https://bank.example.", None),
            ("1.한국", "https://other.example", None),
            ("가.삼성전자", "https://other.example", None),
            ("가.나", "https://other.example", None),
        ] {
            assert_eq!(mismatched_host(text, url), host, "{text}");
        }
    }
}
