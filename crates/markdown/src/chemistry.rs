//! Chemical formulas of the mhchem package (`\ce{2H2 + O2 -> 2H2O}`), as far as school needs them, as LaTeX.

use super::hangul::is_hangul;
use std::iter::Peekable;
use std::str::Chars;

/// What stands directly before a sign in a chemical formula.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    /// The beginning, white space, an arrow or a plus sign: a number is an amount, a script belongs to what follows.
    Nothing,
    /// An amount.
    Amount,
    /// An atom or a closing bracket: a number is an index, a sign a charge.
    Atom,
}

/// The content of `\ce{…}` as LaTeX.
pub(super) fn reaction(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut before = Before::Nothing;
    let mut chars = text.chars().peekable();
    while let Some(&c) = chars.peek() {
        let rest: String = chars.clone().take(4).collect();
        if let Some((written, arrow)) = ARROWS.iter().find(|(written, _)| rest.starts_with(written)) {
            chars.nth(written.chars().count() - 1);
            let above = bracketed(&mut chars);
            let below = bracketed(&mut chars);
            push_arrow(&mut out, arrow, above.as_deref(), below.as_deref())?;
            before = Before::Nothing;
            continue;
        }
        if c.is_ascii_alphabetic() && !(c == 'v' && before == Before::Nothing && is_end(&rest[1..])) {
            out.push_str("\\mathrm{");
            out.extend(std::iter::from_fn(|| chars.next_if(char::is_ascii_alphabetic)));
            out.push('}');
            before = Before::Atom;
            continue;
        }
        if c.is_ascii_digit() {
            let number: String =
                std::iter::from_fn(|| chars.next_if(|c| c.is_ascii_digit() || matches!(c, '/'))).collect();
            if before == Before::Atom {
                out.push_str(&format!("_{{{number}}}"));
            } else {
                out.push_str(&number);
                before = Before::Amount;
                // `0.5 O2`
                if chars.peek() == Some(&'.') && chars.clone().nth(1).is_some_and(|c| c.is_ascii_digit()) {
                    out.extend(chars.next());
                } else {
                    out.push_str("\\,");
                }
            }
            continue;
        }
        if is_hangul(c) {
            out.push_str("\\text{");
            out.extend(std::iter::from_fn(|| chars.next_if(|&c| is_hangul(c) || c.is_ascii_digit())));
            out.push('}');
            before = Before::Atom;
            continue;
        }
        chars.next();
        let alone = is_end(&rest[c.len_utf8()..]);
        match c {
            ' ' | '\t' | '\n' | '~' => before = Before::Nothing,
            '^' if alone => out.push_str("\\uparrow "),
            'v' => out.push_str("\\downarrow "),
            '^' | '_' => {
                let script = script(&mut chars)?;
                if before != Before::Atom && !is_prescript(&out) {
                    out.push_str("{}");
                }
                out.push_str(&format!("{c}{{{script}}}"));
            }
            '+' | '-' | '−' if before == Before::Atom && (alone || rest[c.len_utf8()..].starts_with([')', ']'])) => {
                out.push_str(if c == '+' { "^{+}" } else { "^{-}" });
            }
            '+' => {
                out.push_str(" + ");
                before = Before::Nothing;
            }
            '-' | '−' | '=' => {
                out.push_str(if c == '=' { "{=}" } else { "{-}" });
                before = Before::Nothing;
            }
            '#' => {
                out.push_str("{\\equiv}");
                before = Before::Nothing;
            }
            '*' | '.' | '·' => {
                out.push_str("\\cdot ");
                before = Before::Nothing;
            }
            '(' | '[' => {
                out.push(c);
                before = Before::Nothing;
            }
            ')' | ']' => {
                out.push(c);
                before = Before::Atom;
            }
            ',' | '/' | ':' | ';' | '→' | '⇌' | '↑' | '↓' => {
                out.push(c);
                before = Before::Nothing;
            }
            '{' => {
                let inner = group(&mut chars)?;
                out.push_str(&format!("{{{}}}", reaction(&inner)?));
                before = Before::Atom;
            }
            '\\' => {
                out.push('\\');
                out.extend(std::iter::from_fn(|| chars.next_if(char::is_ascii_alphabetic)));
                if chars.next_if_eq(&'{').is_some() {
                    out.push_str(&format!("{{{}}}", group(&mut chars)?));
                }
                out.push(' ');
                before = Before::Atom;
            }
            _ => return None,
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Longer ones first.
const ARROWS: [(&str, &str); 8] = [
    ("<=>>", "\\rightleftharpoons"),
    ("<<=>", "\\rightleftharpoons"),
    ("<=>", "\\rightleftharpoons"),
    ("<->", "\\leftrightarrow"),
    ("<-->", "\\leftrightarrow"),
    ("-->", "\\longrightarrow"),
    ("->", "\\rightarrow"),
    ("<-", "\\leftarrow"),
];

fn push_arrow(out: &mut String, arrow: &str, above: Option<&str>, below: Option<&str>) -> Option<()> {
    let label =
        |text: &str| if text.contains('\\') || text.is_empty() { Some(text.to_owned()) } else { reaction(text) };
    match (above, below) {
        (None, None) => out.push_str(&format!(" {arrow} ")),
        (above, below) => {
            out.push_str(&format!(" \\overset{{{}}}{{", label(above.unwrap_or_default())?));
            match below {
                Some(below) => out.push_str(&format!("\\underset{{{}}}{{{arrow}}}", label(below)?)),
                None => out.push_str(arrow),
            }
            out.push_str("} ");
        }
    }
    Some(())
}

/// Whether nothing, or white space, follows.
fn is_end(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([' ', '\t', '\n'])
}

/// Whether `out` ends with a script that stands before its atom: `{}^{14}`.
fn is_prescript(out: &str) -> bool {
    out.rfind("{}")
        .is_some_and(|at| matches!(out.as_bytes().get(at + 2), Some(b'^' | b'_')) && !out[at..].contains("\\mathrm"))
}

/// `[…]` behind an arrow.
fn bracketed(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    chars.next_if_eq(&'[')?;
    let mut depth = 0_usize;
    Some(
        chars
            .by_ref()
            .take_while(|&c| {
                match c {
                    '{' => depth += 1,
                    '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                c != ']' || depth > 0
            })
            .collect(),
    )
}

/// What stands up to the brace that closes the group.
fn group(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut depth = 0_usize;
    let mut inner = String::new();
    for c in chars.by_ref() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(inner),
            '}' => depth -= 1,
            _ => {}
        }
        inner.push(c);
    }
    None
}

/// What `^` or `_` raises or lowers: a group, or a number with a sign.
pub(super) fn script(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
    if chars.next_if_eq(&'{').is_some() {
        return group(chars);
    }
    let mut script: String = std::iter::from_fn(|| chars.next_if(char::is_ascii_digit)).collect();
    script.extend(chars.next_if(|c| matches!(c, '+' | '-' | '−')));
    if script.is_empty() {
        script.extend(chars.next_if(|c| c.is_alphanumeric() || *c == '*'));
    }
    (!script.is_empty()).then_some(script)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chemistry_is_rewritten_in_plain_latex() {
        for (text, expected) in [
            ("2H2 + O2 -> 2H2O", r"2\,\mathrm{H}_{2} +  \mathrm{O}_{2} \rightarrow 2\,\mathrm{H}_{2}\mathrm{O}"),
            ("SO4^2-", r"\mathrm{SO}_{4}^{2-}"),
            ("^{14}_6C", r"{}^{14}_{6}\mathrm{C}"),
            ("Na+ + Cl- -> NaCl", r"\mathrm{Na}^{+} + \mathrm{Cl}^{-} \rightarrow \mathrm{NaCl}"),
            ("Ca(OH)2(aq)", r"\mathrm{Ca}(\mathrm{OH})_{2}(\mathrm{aq})"),
            ("CuSO4*5H2O", r"\mathrm{CuSO}_{4}\cdot 5\,\mathrm{H}_{2}\mathrm{O}"),
            ("A <=> B", r"\mathrm{A} \rightleftharpoons \mathrm{B}"),
            (
                "CaCO3 ->[가열] CaO + CO2 ^",
                r"\mathrm{CaCO}_{3} \overset{\text{가열}}{\rightarrow} \mathrm{CaO} + \mathrm{CO}_{2}\uparrow ",
            ),
        ] {
            assert_eq!(
                reaction(text).map(|latex| latex.replace("  ", " ")),
                Some(expected.replace("  ", " ")),
                "{text}"
            );
        }
        assert_eq!(reaction("H2 & O2"), None);
    }
}
