//! Which addresses a link may have, and where a bare address ends.

/// Longest address that becomes a link, in bytes.
const LONGEST: usize = 2_000;

/// Korean particles and endings that models write directly behind an address.
const PARTICLES: [&str; 40] = [
    "은",
    "는",
    "이",
    "가",
    "을",
    "를",
    "의",
    "에",
    "에서",
    "에는",
    "에도",
    "에서는",
    "에서도",
    "에서의",
    "에게",
    "로",
    "으로",
    "로는",
    "으로는",
    "로도",
    "으로도",
    "와",
    "과",
    "와는",
    "과는",
    "도",
    "만",
    "부터",
    "까지",
    "처럼",
    "보다",
    "이나",
    "나",
    "입니다",
    "이에요",
    "예요",
    "라는",
    "이라는",
    "이라고",
    "라고",
];

/// The address as it may stand in `href`, or `None` if it must not become a link.
///
/// Only `http:`, `https:` and `mailto:` with something behind them. Browsers drop tabs, line ends and leading control
/// characters from addresses, so an address with any control character or space is refused rather than repaired; so are
/// the invisible signs that turn the writing direction and can make an address look like another.
pub(super) fn allowed(url: &str) -> Option<&str> {
    let rest = ["https://", "http://", "mailto:"].iter().find_map(|scheme| {
        let start = url.get(..scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then(|| &url[scheme.len()..])
    })?;
    let hidden = |c: char| {
        c.is_control()
            || c.is_whitespace()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let plausible = rest.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    (plausible && url.len() <= LONGEST && !url.contains(hidden) && !url.contains(['<', '>', '"', '`'])).then_some(url)
}

/// Where the bare address ends that begins at `at`, in bytes; `None` if none does.
///
/// An address is `http://`, `https://` or `www.` and what follows up to a space or a mark that addresses don't hold. It ends
/// before Hangul, since particles are written directly behind it. Only a part of a path that begins with Hangul is kept
/// (`…/wiki/광합성`), and then a particle at its end is cut off.
pub(super) fn bare(text: &str, at: usize) -> Option<usize> {
    let scheme = ["https://", "http://", "www."].iter().find_map(|scheme| {
        let start = text.get(at..at + scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(scheme.len())
    })?;
    let before = text[..at].chars().next_back();
    if before.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '@' | '<' | '-' | '_')) {
        return None;
    }
    let host = at + scheme;
    let mut end = host;
    for c in text[host..].chars() {
        if !belongs(&text[host..end], c) {
            break;
        }
        end += c.len_utf8();
    }
    let address = trimmed(without_particle(trimmed(&text[at..end])));
    let host = address.get(scheme..)?;
    let is_host = host.starts_with(|c: char| c.is_alphanumeric() || c == '[');
    let is_whole = address.starts_with(|c: char| c.eq_ignore_ascii_case(&'h')) || host.contains('.');
    (is_host && is_whole && address.len() <= LONGEST).then_some(at + address.len())
}

/// Whether an address that has come so far, without its scheme, goes on with this character.
fn belongs(so_far: &str, c: char) -> bool {
    if is_hangul(c) {
        let before = so_far.chars().next_back();
        return so_far.contains('/')
            && before.is_some_and(|c| is_hangul(c) || matches!(c, '/' | '=' | '_' | '-' | '(' | '#' | '+'));
    }
    match c {
        '<' | '>' | '"' | '`' | '{' | '}' | '|' | '\\' | '^' | '*' => false,
        // The end of a link's text, unless it's the end of an IPv6 host.
        ']' => so_far.matches('[').count() > so_far.matches(']').count(),
        c if c.is_ascii() => c.is_ascii_graphic(),
        // Full-width letters and digits are no part of an address either.
        c => c.is_alphanumeric() && !matches!(c, '\u{ff00}'..='\u{ffef}'),
    }
}

/// Without the marks of the sentence at its end, and without a bracket that opened before it.
fn trimmed(address: &str) -> &str {
    let mut address = address;
    loop {
        let rest = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'', '_', '~', '-']);
        let count = |c: char| rest.matches(c).count();
        let rest = match rest.chars().next_back() {
            Some(')') if count(')') > count('(') => &rest[..rest.len() - 1],
            Some(']') if count(']') > count('[') => &rest[..rest.len() - 1],
            Some('(' | '[') => &rest[..rest.len() - 1],
            _ => rest,
        };
        if rest.len() == address.len() {
            return address;
        }
        address = rest;
    }
}

/// Without the longest particle at the end of its Hangul. A particle of one syllable needs a word of two before it: `…/wiki/나이`
/// is more likely a word.
fn without_particle(address: &str) -> &str {
    const SYLLABLE: usize = "가".len();
    let hangul = &address[address.trim_end_matches(is_hangul).len()..];
    let is_cut = |particle: &usize| {
        let word = hangul.len() - particle;
        word == 0 || (word >= SYLLABLE && *particle > SYLLABLE) || word >= 2 * SYLLABLE
    };
    let particles = PARTICLES.iter().filter(|particle| hangul.ends_with(**particle)).map(|particle| particle.len());
    let length = particles.filter(is_cut).max().unwrap_or(0);
    &address[..address.len() - length]
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}')
}

/// What a link's text claims that its address doesn't keep: the real host, where the text names another one.
pub(super) fn other_host<'a>(label: &str, address: &'a str) -> Option<&'a str> {
    let (_, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.rsplit('@').next()?;
    let mut named =
        label.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-'))).filter(|word| looks_like_host(word));
    let strip = |host: &str| host.trim_start_matches("www.").to_lowercase();
    let real = strip(host.split(':').next().unwrap_or(host));
    named.any(|word| strip(word) != real).then_some(host)
}

/// `naver.com`, `www.naver.com`, but no sentence end, number or name of a file.
fn looks_like_host(word: &str) -> bool {
    let Some((name, top)) = word.trim_end_matches('.').rsplit_once('.') else { return false };
    let is_top = top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
    const FILES: [&str; 12] = ["py", "js", "html", "css", "txt", "pdf", "md", "png", "jpg", "java", "cpp", "csv"];
    is_top && !FILES.contains(&&*top.to_ascii_lowercase()) && name.contains(|c: char| c.is_alphanumeric())
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
        ] {
            assert_eq!(allowed(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_bare_address_ends_before_the_sentence_goes_on() {
        for (text, expected) in [
            ("https://example.com를", "https://example.com"),
            ("https://example.com으로는", "https://example.com"),
            ("https://example.com/a에서는", "https://example.com/a"),
            ("https://example.com（설명）", "https://example.com"),
            ("https://example.com…", "https://example.com"),
            ("https://example.com**을", "https://example.com"),
            ("https://example.com.이에요", "https://example.com"),
            ("https://example.com)을", "https://example.com"),
            ("https://en.wikipedia.org/wiki/Foo_(bar)는", "https://en.wikipedia.org/wiki/Foo_(bar)"),
            ("https://ko.wikipedia.org/wiki/빛", "https://ko.wikipedia.org/wiki/빛"),
            ("https://ko.wikipedia.org/wiki/광합성에서도", "https://ko.wikipedia.org/wiki/광합성"),
            ("https://example.com/이라는", "https://example.com/"),
            ("https://example.com/a?b=c&d=e를", "https://example.com/a?b=c&d=e"),
            ("http://localhost:8000은", "http://localhost:8000"),
            ("www.example.com에서", "www.example.com"),
            ("HTTPS://EXAMPLE.COM", "HTTPS://EXAMPLE.COM"),
        ] {
            assert_eq!(bare(text, 0).map(|end| &text[..end]), Some(expected), "{text}");
        }
        for none in ["https://", "https:// a", "www.", "www.한글", "http", "https://)", "https://가"] {
            assert_eq!(bare(none, 0).filter(|end| none[..*end].contains("가")), None, "{none}");
        }
        assert_eq!(bare("xhttps://example.com", 1), None);
    }

    #[test]
    fn a_text_that_names_another_host_is_found_out() {
        for (label, address, host) in [
            ("https://naver.com", "https://evil.example/x", Some("evil.example")),
            ("naver.com", "https://naver.com.evil.example", Some("naver.com.evil.example")),
            ("네이버 (www.naver.com)", "https://naver.com@evil.example", Some("evil.example")),
            ("www.naver.com", "https://naver.com/a", None),
            ("네이버", "https://naver.com", None),
            ("main.py", "https://example.com", None),
            ("3.14", "https://example.com", None),
        ] {
            assert_eq!(other_host(label, address), host, "{label}");
        }
    }
}
