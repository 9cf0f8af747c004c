//! Escapes in JSON strings as models mean them.
//!
//! A model that writes `\frac` in a string forgets to double the backslash, and half of the formula would be a form feed.
//! Whoever reads the JSON later must find `\\frac`.

use std::borrow::Cow;

/// Words of TeX that begin like the escape for a line break. As whole words they are no text behind a line break.
const AFTER_LINE_BREAK: [&str; 18] = [
    "nabla",
    "natural",
    "ne",
    "nearrow",
    "neg",
    "neq",
    "newline",
    "nexists",
    "ngeq",
    "nleq",
    "nmid",
    "notin",
    "nparallel",
    "nsubseteq",
    "nsupseteq",
    "nu",
    "nwarrow",
    "nsim",
];

/// Words of TeX that begin like the escape for a tab.
const AFTER_TAB: [&str; 24] = [
    "tag",
    "tan",
    "tanh",
    "tau",
    "tbinom",
    "text",
    "textbf",
    "textcolor",
    "textit",
    "textrm",
    "textstyle",
    "tfrac",
    "therefore",
    "theta",
    "thinspace",
    "tilde",
    "times",
    "tiny",
    "to",
    "top",
    "triangle",
    "triangleq",
    "twoheadrightarrow",
    "textsf",
];

/// The text with those backslashes doubled that stand for themselves.
pub(super) fn keep_backslashes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        kept.push_str(&rest[..=at]);
        let after = &rest[at + 1..];
        if stands_for_itself(after) {
            kept.push('\\');
            rest = after;
        } else {
            // The escaped letter goes along: it may be a backslash.
            let length = after.chars().next().map_or(0, char::len_utf8);
            kept.push_str(&after[..length]);
            rest = &after[length..];
        }
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

/// Whether a backslash before this text is one.
fn stands_for_itself(after: &str) -> bool {
    let word = &after[..after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len())];
    match after.chars().next() {
        None | Some('"' | '\\' | '/' | '\'' | '`' | '\n' | '\r') => false,
        Some('u') => after[1..].chars().take(4).filter(char::is_ascii_hexdigit).count() < 4,
        // A backspace or form feed is never meant, a return only before a line break.
        Some('b' | 'f' | 'r') => word.len() > 1,
        Some('n') => AFTER_LINE_BREAK.contains(&word),
        Some('t') => AFTER_TAB.contains(&word),
        Some(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_tex_keep_their_backslash() {
        for (text, read) in [
            (r"\frac{1}{2} \times \sqrt{3}", r"\frac{1}{2} \times \sqrt{3}"),
            (r"\right) \beta \rho \nabla \neq \theta \text{m}", r"\right) \beta \rho \nabla \neq \theta \text{m}"),
            (r"\underline{x} \( a \) \% \, \{ \pi", r"\underline{x} \( a \) \% \, \{ \pi"),
            (r"\\frac{1}{2} \\neq \\times", r"\frac{1}{2} \neq \times"),
            (r"한 줄\n두 줄\tnot \nnow \nNext \ttake", "한 줄\n두 줄\tnot \nnow \nNext \ttake"),
            (r#"\"따옴표\" \/ \u0041 \r\n끝"#, "\"따옴표\" / A \r\n끝"),
        ] {
            let json = format!("\"{}\"", keep_backslashes(text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), read, "{text}");
        }
    }
}
