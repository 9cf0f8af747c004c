//! HTML's character references in text that is no HTML.

use std::borrow::Cow;

const NAMED: [(&str, char); 16] = [
    ("quot", '"'),
    ("apos", '\''),
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("nbsp", ' '),
    ("hellip", '…'),
    ("middot", '·'),
    ("lsquo", '‘'),
    ("rsquo", '’'),
    ("ldquo", '“'),
    ("rdquo", '”'),
    ("ndash", '–'),
    ("mdash", '—'),
    ("times", '×'),
    ("deg", '°'),
];

/// The text with references replaced by what they stand for, also those that were made twice (`&amp;quot;`).
pub(crate) fn decode(text: &str) -> Cow<'_, str> {
    let once = decode_once(text);
    match decode_once(&once) {
        Cow::Borrowed(_) => once,
        Cow::Owned(twice) => Cow::Owned(twice),
    }
}

fn decode_once(text: &str) -> Cow<'_, str> {
    let mut decoded = String::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(at) = rest[from..].find('&').map(|at| from + at) {
        let reference = &rest[at + 1..];
        let end = reference.char_indices().take(10).find(|(_, c)| *c == ';').map(|(end, _)| end);
        match end.and_then(|end| Some((character(&reference[..end])?, end))) {
            Some((c, end)) => {
                decoded.push_str(&rest[..at]);
                decoded.push(c);
                rest = &reference[end + 1..];
                from = 0;
            }
            None => from = at + 1,
        }
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

fn character(name: &str) -> Option<char> {
    let Some(number) = name.strip_prefix('#') else {
        return NAMED.iter().find(|(known, _)| *known == name).map(|(_, c)| *c);
    };
    let code = match number.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => number.parse().ok()?,
    };
    char::from_u32(code).filter(|c| *c != '\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_and_other_ampersands_stay() {
        for (text, read) in [
            ("&quot;왜&quot;라고 &amp; 물었어요", "\"왜\"라고 & 물었어요"),
            ("&amp;quot;왜&amp;quot;", "\"왜\""),
            ("&#39;a&#x27; &lt;b&gt;", "'a' <b>"),
            ("R&D; A&B & C;", "R&D; A&B & C;"),
            ("&unknown; &#xFFFFFFFF; &", "&unknown; &#xFFFFFFFF; &"),
        ] {
            assert_eq!(decode(text), read);
        }
    }
}
