//! Escapes in JSON strings as models mean them.
//!
//! A model that writes `\frac` in a string forgets to double the backslash, and half of the formula would be a form feed.
//! Whoever reads the JSON later must find `\\frac`.

use std::borrow::Cow;

/// Words of TeX that begin like the escape for a line break. As whole words they are no text behind a line break.
const AFTER_LINE_BREAK: [&str; 13] = [
    "nabla",
    "natural",
    "nearrow",
    "neq",
    "newline",
    "nexists",
    "ngeq",
    "nleq",
    "notin",
    "nparallel",
    "nsubseteq",
    "nsupseteq",
    "nwarrow",
];

/// Words of TeX that begin like the escape for a tab.
const AFTER_TAB: [&str; 22] = [
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
    "triangle",
    "triangleq",
    "twoheadrightarrow",
    "textsf",
];

/// Words of TeX that are a line break or a tab and a word, too: `\ne` in "…\ne.g. 식물". Only in a formula they are TeX.
const IN_FORMULAS: [&str; 7] = ["ne", "neg", "nmid", "nsim", "nu", "to", "top"];

/// The text with those backslashes doubled that stand for themselves.
pub(super) fn escape_literal_backslashes(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len() + 16);
    let mut in_formula = false;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        kept.push(c);
        match c {
            '$' => in_formula = !in_formula,
            // A formula ends with its string.
            '"' => in_formula = false,
            '\\' => {
                match rest.trim_start_matches('\\').chars().next() {
                    Some('(' | '[') => in_formula = true,
                    Some(')' | ']') => in_formula = false,
                    _ => {}
                }
                if is_literal(rest, in_formula) {
                    kept.push('\\');
                } else if let Some(escaped) = rest.chars().next() {
                    // The escaped letter goes along: it may be a backslash or a quote.
                    kept.push(escaped);
                    rest = &rest[escaped.len_utf8()..];
                }
            }
            _ => {}
        }
    }
    Cow::Owned(kept)
}

/// Whether a backslash before this text is one.
fn is_literal(after: &str, in_formula: bool) -> bool {
    let word = &after[..after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len())];
    match after.chars().next() {
        None | Some('"' | '\\' | '/' | '\'' | '`' | '\n' | '\r') => false,
        Some('u') => after[1..].chars().take(4).filter(char::is_ascii_hexdigit).count() < 4,
        // A backspace or form feed is never meant, a return only before a line break.
        Some('b' | 'f' | 'r') => word.len() > 1,
        Some('n') => AFTER_LINE_BREAK.contains(&word) || in_formula && IN_FORMULAS.contains(&word),
        Some('t') => AFTER_TAB.contains(&word) || in_formula && IN_FORMULAS.contains(&word),
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
            ("식물이에요.\\ne.g. 나무", "식물이에요.\ne.g. 나무"),
            (r"공식:\nu = 3", "공식:\nu = 3"),
            (r"$1$과 $2$\nmid", "$1$과 $2$\nmid"),
            (r"$a \ne b$ 그리고 \(x \to 0\)\ne.g.", "$a \\ne b$ 그리고 \\(x \\to 0\\)\ne.g."),
            (r"$\nu$", r"$\nu$"),
            (r#"\"따옴표\" \/ \u0041 \r\n끝"#, "\"따옴표\" / A \r\n끝"),
        ] {
            let json = format!("\"{}\"", escape_literal_backslashes(text));
            assert_eq!(serde_json::from_str::<String>(&json).unwrap(), read, "{text}");
        }
    }
}
