//! Which addresses a link may have, and where a bare address ends.

/// Longest address that becomes a link, in bytes.
const LONGEST: usize = 2_000;

/// Korean particles and endings that models write directly behind an address.
const PARTICLES: [&str; 24] = [
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
    "로",
    "으로",
    "와",
    "과",
    "도",
    "만",
    "부터",
    "까지",
    "에서는",
    "입니다",
    "이에요",
    "예요",
    "라는",
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

/// Splits a bare address as found in Korean text into the address and the particle behind it, which may be empty.
pub(super) fn without_particle(url: &str) -> (&str, &str) {
    let end = url.trim_end_matches(|c: char| matches!(c, '\u{ac00}'..='\u{d7a3}')).len();
    let (address, tail) = url.split_at(end);
    if PARTICLES.contains(&tail)
        && address.ends_with(|c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | ')' | '-' | '_' | '%'))
    {
        (address, tail)
    } else {
        (url, "")
    }
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
    fn a_particle_behind_a_bare_address_is_not_part_of_it() {
        assert_eq!(without_particle("https://example.com를"), ("https://example.com", "를"));
        assert_eq!(without_particle("https://example.com/a에서는"), ("https://example.com/a", "에서는"));
        assert_eq!(without_particle("https://ko.wikipedia.org/wiki/빛"), ("https://ko.wikipedia.org/wiki/빛", ""));
        assert_eq!(without_particle("https://example.com"), ("https://example.com", ""));
    }
}
