//! Rewrites LaTeX that the converter does not know to LaTeX that it knows: percent signs, ranges, `\tag`, units, and the `\ce`
//! of the mhchem package (see `chemistry`).

use super::chemistry::{reaction, script};
use super::formula::braced;
use super::hangul::is_hangul;
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
    while let Some(at) = rest.find(['%', '~', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push_str("\\%");
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix('~') {
            let before = &latex[..latex.len() - rest.len()];
            out.push_str(if is_range(before, after) { "{\\sim}" } else { "~" });
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

/// Whether the tilde between two parts of a formula is that of a range (`3~5`, `5\%~10\%`, `3\text{cm}~5\text{cm}`), and not
/// the space that it is in TeX (`\text{약}~3`).
fn is_range(before: &str, after: &str) -> bool {
    let begins_number = after.trim_start().starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '−'));
    begins_number && ends_quantity(before.trim_end(), after)
}

fn ends_quantity(before: &str, after: &str) -> bool {
    if let Some(open) = opening_brace(before) {
        let group = &before[open..];
        // A unit, not a word of the sentence: `2\text{와}~3`.
        let is_unit = !group.contains(is_hangul) || after.contains(group);
        return group.contains(|c: char| c.is_ascii_digit()) || is_unit && ends_number(&before[..open]);
    }
    before.ends_with(|c: char| c.is_ascii_digit() || matches!(c, '%' | '°' | '℃'))
        || ["\\circ", "\\degree", "\\celsius"].iter().any(|unit| before.ends_with(unit))
}

/// Most braces of a group that a tilde may stand behind.
const MAX_BRACES: usize = 20;

/// Where the group opens that ends at the end of `text`.
fn opening_brace(text: &str) -> Option<usize> {
    if !text.ends_with('}') || text.ends_with("\\}") {
        return None;
    }
    let mut depth = 0_usize;
    text.rmatch_indices(['{', '}']).take(MAX_BRACES).filter(|&(at, _)| !text[..at].ends_with('\\')).find_map(
        |(at, brace)| {
            depth = if brace == "}" { depth + 1 } else { depth - 1 };
            (depth == 0).then_some(at)
        },
    )
}

/// Whether a number stands before a group: `3\,\text`, `90^`.
fn ends_number(before: &str) -> bool {
    let command = before.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let mut number = command.strip_suffix('\\').unwrap_or(before);
    while let Some(shorter) =
        ["\\,", "\\;", "\\:", "\\ ", " ", "~", "^"].iter().find_map(|gap| number.strip_suffix(gap))
    {
        number = shorter;
    }
    number.ends_with(|c: char| c.is_ascii_digit())
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
            '~' if last.is_ascii_digit() && chars.peek().is_some_and(char::is_ascii_digit) => out.push_str("{\\sim}"),
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
