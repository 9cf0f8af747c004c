//! Lone surrogates in JSON.
//!
//! If a text was cut in the middle of a character above U+FFFF, browsers send an escape of one surrogate, such as `"\ud83d"`.
//! That is valid JSON (RFC 8259, section 8.2), but no Rust string can hold it, so the parser refuses the whole body.

use axum::body::Bytes;

/// The escape of the replacement character U+FFFD.
const REPLACEMENT: &[u8; 6] = b"\\ufffd";

/// Replaces each surrogate that is not part of a pair with U+FFFD. A body without any is not copied.
pub(super) fn replace_lone_surrogates(json: Bytes) -> Bytes {
    let lone = lone_surrogates(&json);
    if lone.is_empty() {
        return json;
    }
    let mut json = json.to_vec();
    for at in lone {
        json[at..at + REPLACEMENT.len()].copy_from_slice(REPLACEMENT);
    }
    json.into()
}

/// The positions of the escapes of lone surrogates. Backslashes occur only in strings, so the strings need not be found.
fn lone_surrogates(json: &[u8]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = json[at..].iter().position(|&byte| byte == b'\\') {
        at += next;
        at += match escaped_unit(json, at) {
            Some(0xd800..=0xdbff) if matches!(escaped_unit(json, at + 6), Some(0xdc00..=0xdfff)) => 12,
            Some(0xd800..=0xdfff) => {
                found.push(at);
                6
            }
            Some(_) => 6,
            // Another escape: the backslash and what it escapes.
            None => 2,
        };
        at = at.min(json.len());
    }
    found
}

/// The UTF-16 code unit whose escape is at this position.
fn escaped_unit(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &'static str) -> String {
        serde_json::from_slice(&replace_lone_surrogates(Bytes::from(json))).unwrap()
    }

    #[test]
    fn a_lone_surrogate_becomes_the_replacement_character() {
        for (json, text) in [
            (r#""\ud83d""#, "\u{fffd}"),
            (r#""\uDE00""#, "\u{fffd}"),
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}😀"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\n\ude00""#, "\u{fffd}\n\u{fffd}"),
            (r#""\ud83d\\ude00""#, "\u{fffd}\\ude00"),
            (r#""\ud83dX\uac00""#, "\u{fffd}X가"),
        ] {
            assert_eq!(read(json), text, "{json}");
        }
    }

    #[test]
    fn pairs_and_other_escapes_stay() {
        for (json, text) in [
            (r#""\ud83d\ude00""#, "😀"),
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\\ud83d""#, "\\\\ud83d"),
            (r#""\uac00\\""#, "가\\"),
            (r#""😀""#, "😀"),
        ] {
            assert_eq!(read(json), text, "{json}");
        }
        for broken in [r#""\ud8"#, r#""\"#, r#""\u"#, r#""\uzzzz""#, "\\", r#""\ud83d\u"#, r#""\ud83"#, ""] {
            replace_lone_surrogates(Bytes::from(broken));
        }
    }
}
