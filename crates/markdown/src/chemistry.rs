//! LaTeX that the converter does not know, in terms of LaTeX that it knows: percent signs, `\tag`, and the chemistry of
//! the mhchem package (`\ce{2H2 + O2 -> 2H2O}`) as far as school needs it.

use super::emphasis::is_hangul;
use super::formula::braced;
use std::iter::Peekable;
use std::str::Chars;

/// What becomes of the argument of a command.
#[derive(Clone, Copy)]
enum Argument {
    /// It stays, with something around it.
    Within(&'static str, &'static str),
    /// It is text.
    Text,
    /// It is text, with something around it.
    TextWithin(&'static str, &'static str),
    /// It is left out; something else stands there.
    Replaced(&'static str),
    /// It is a chemical formula.
    Reaction,
    /// It is a quantity with its unit.
    Quantity,
}

/// Commands with one argument that the converter does not know, or reads in another way.
const WITH_ARGUMENT: [(&str, Argument); 35] = [
    ("text", Argument::Text),
    ("textbf", Argument::Text),
    ("textit", Argument::Text),
    ("textrm", Argument::Text),
    ("texttt", Argument::Text),
    ("textsf", Argument::Text),
    ("fbox", Argument::Text),
    ("mbox", Argument::Text),
    ("hbox", Argument::Text),
    ("textnormal", Argument::Text),
    ("textup", Argument::Text),
    ("unit", Argument::Quantity),
    ("si", Argument::Quantity),
    ("pu", Argument::Quantity),
    ("ce", Argument::Reaction),
    ("tag", Argument::TextWithin("(", ")")),
    ("eqref", Argument::TextWithin("(", ")")),
    ("ref", Argument::Text),
    ("textcircled", Argument::TextWithin("(", ")")),
    ("circled", Argument::TextWithin("(", ")")),
    ("boxed", Argument::Within("{", "}")),
    ("smash", Argument::Within("{", "}")),
    ("bm", Argument::Within("\\boldsymbol{", "}")),
    ("bcancel", Argument::Within("\\cancel{", "}")),
    ("xcancel", Argument::Within("\\cancel{", "}")),
    ("overarc", Argument::Within("\\overset{\\frown}{", "}")),
    ("wideparen", Argument::Within("\\overset{\\frown}{", "}")),
    ("overparen", Argument::Within("\\overset{\\frown}{", "}")),
    ("arc", Argument::Within("\\overset{\\frown}{", "}")),
    ("phantom", Argument::Replaced("\\quad ")),
    ("hphantom", Argument::Replaced("\\quad ")),
    ("vphantom", Argument::Replaced("")),
    ("mspace", Argument::Replaced("\\;")),
    ("label", Argument::Replaced("")),
    ("require", Argument::Replaced("")),
];

/// Commands without an argument. The sizes of letters are left out.
const WORDS: [(&str, &str); 26] = [
    ("notag", ""),
    ("nonumber", ""),
    ("strut", ""),
    ("mathstrut", ""),
    ("degree", "^\\circ "),
    ("celsius", "^\\circ\\mathrm{C}"),
    ("permil", "‰"),
    ("textdegree", "^\\circ "),
    ("micro", "\\mu "),
    ("ohm", "\\Omega "),
    ("N", "\\mathbb{N}"),
    ("Z", "\\mathbb{Z}"),
    ("Q", "\\mathbb{Q}"),
    ("R", "\\mathbb{R}"),
    ("mod", "\\quad\\mathrm{mod}\\;"),
    ("newline", "\\\\"),
    ("tiny", ""),
    ("scriptsize", ""),
    ("footnotesize", ""),
    ("small", ""),
    ("normalsize", ""),
    ("large", ""),
    ("Large", ""),
    ("LARGE", ""),
    ("huge", ""),
    ("Huge", ""),
];

/// Environments that the converter does not know, and what does the same.
const ENVIRONMENTS: [(&str, &str); 8] = [
    ("\\begin{eqnarray}", "\\begin{array}{rcl}"),
    ("\\end{eqnarray}", "\\end{array}"),
    ("\\begin{eqnarray*}", "\\begin{array}{rcl}"),
    ("\\end{eqnarray*}", "\\end{array}"),
    ("\\begin{tabular}", "\\begin{array}"),
    ("\\end{tabular}", "\\end{array}"),
    ("\\begin{displaymath}", "\\begin{gathered}"),
    ("\\end{displaymath}", "\\end{gathered}"),
];

/// Rewrites a formula. `None` if a command of the list has no argument, or chemistry is not understood.
pub(super) fn rewrite(latex: &str) -> Option<String> {
    let mut out = String::with_capacity(latex.len() + 16);
    let mut rest = latex;
    while let Some(at) = rest.find(['%', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push_str("\\%");
            rest = after;
            continue;
        }
        if let Some((known, other)) = ENVIRONMENTS.iter().find(|(known, _)| rest.starts_with(known)) {
            out.push_str(other);
            rest = &rest[known.len()..];
            continue;
        }
        let name = &rest[1..];
        let name = &name[..name.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(name.len())];
        let after = &rest[1 + name.len()..];
        if name.is_empty() {
            let length = 1 + after.chars().next().map_or(0, char::len_utf8);
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        } else if let Some((_, word)) = WORDS.iter().find(|(known, _)| *known == name) {
            out.push_str(word);
            rest = after;
        } else if let Some((_, argument)) = WITH_ARGUMENT.iter().find(|(known, _)| *known == name) {
            let (star, after) = after.strip_prefix('*').map_or((false, after), |after| (true, after));
            let (content, after) = group_of(after)?;
            push_argument(&mut out, name, star, *argument, content)?;
            rest = after;
        } else if name == "SI" || name == "qty" {
            let (number, after) = group_of(after)?;
            let (unit, after) = group_of(after)?;
            out.push_str(&rewrite(number)?);
            out.push_str("\\,");
            out.push_str(&quantity(unit)?);
            rest = after;
        } else {
            out.push_str(&rest[..1 + name.len()]);
            rest = if name == "hspace" { after.strip_prefix('*').unwrap_or(after) } else { after };
        }
    }
    out.push_str(rest);
    Some(out)
}

/// The group in braces that a command takes, and what follows it.
fn group_of(text: &str) -> Option<(&str, &str)> {
    let content = text.trim_start().strip_prefix('{')?;
    let end = braced(content)?;
    Some((&content[..end], &content[end + 1..]))
}

fn push_argument(out: &mut String, name: &str, star: bool, argument: Argument, content: &str) -> Option<()> {
    match argument {
        Argument::Within(open, close) => {
            out.push_str(open);
            out.push_str(&rewrite(content)?);
            out.push_str(close);
        }
        Argument::Text => out.push_str(&text(if name.starts_with("text") { name } else { "text" }, content)?),
        Argument::TextWithin(open, close) => {
            let (open, close) = if star { ("", "") } else { (open, close) };
            if name == "tag" {
                out.push_str("\\qquad");
            }
            out.push_str(&text("text", &format!("{open}{content}{close}"))?);
        }
        Argument::Replaced(other) => out.push_str(other),
        Argument::Reaction => out.push_str(&reaction(content)?),
        Argument::Quantity => out.push_str(&quantity(content)?),
    }
    Some(())
}

/// Text within a formula: escaped signs are the signs themselves, and formulas may stand in it.
fn text(command: &str, content: &str) -> Option<String> {
    let command = if matches!(command, "textnormal" | "textup") { "text" } else { command };
    let (open, close) = (format!("\\{command}{{"), "}");
    let mut out = open.clone();
    let mut rest = content;
    while let Some(at) = rest.find(['\\', '$', '%']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('%') {
            out.extend([close, "\\%", &open]);
            rest = after;
            continue;
        }
        if let Some(formula) = rest.strip_prefix('$') {
            let end = formula.find('$')?;
            out.extend([close, &rewrite(&formula[..end])?, &open]);
            rest = &formula[end + 1..];
            continue;
        }
        let sign = rest[1..].chars().next()?;
        match sign {
            '$' | '#' | '&' | '_' => out.push(sign),
            ' ' | ',' | ';' | ':' => out.push(' '),
            '%' | '{' | '}' => out.extend([close, &rest[..2], &open]),
            _ => return None,
        }
        rest = &rest[2..];
    }
    out.extend([rest, close]);
    let out = out.replace(&format!("{open}{close}"), "");
    Some(if out.matches(&open).count() > 1 || out.ends_with("\\%") { format!("{{{out}}}") } else { out })
}

/// A number with its unit: `9.8 m/s^2`.
fn quantity(content: &str) -> Option<String> {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '/' | '.' | ',' | '°' | '℃' | '-' | '·');
    if content.chars().all(is_plain) && !content.contains("e-") {
        let scientific =
            content.split(' ').next().is_some_and(|number| number.parse::<f64>().is_ok() && number.contains('e'));
        if !scientific {
            return text("text", content);
        }
    }
    let mut out = String::from("{");
    let mut chars = content.chars().peekable();
    let mut last = ' ';
    while let Some(c) = chars.next() {
        match c {
            '^' => out.push_str(&format!("^{{{}}}", script(&mut chars)?)),
            'e' | 'E' if last.is_ascii_digit() && chars.peek().is_some_and(|c| c.is_ascii_digit() || *c == '-') => {
                out.push_str(&format!("\\times 10^{{{}}}", exponent(&mut chars)));
            }
            ' ' | '~' => out.push_str("\\,"),
            '\\' => {
                out.push('\\');
                out.extend(std::iter::from_fn(|| chars.next_if(char::is_ascii_alphabetic)));
                out.push(' ');
            }
            '%' | '#' | '&' | '_' => out.extend(['\\', c]),
            '{' | '}' | '$' => return None,
            _ if c.is_alphabetic() => {
                let word = std::iter::from_fn(|| chars.next_if(|c| c.is_alphabetic()));
                out.push_str(&format!("\\text{{{c}{}}}", word.collect::<String>()));
            }
            _ => out.push(c),
        }
        last = c;
    }
    out.push('}');
    rewrite(&out)
}

fn exponent(chars: &mut Peekable<Chars<'_>>) -> String {
    let sign = chars.next_if_eq(&'-');
    sign.into_iter().chain(std::iter::from_fn(|| chars.next_if(char::is_ascii_digit))).collect()
}

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
fn reaction(text: &str) -> Option<String> {
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
fn script(chars: &mut Peekable<Chars<'_>>) -> Option<String> {
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
