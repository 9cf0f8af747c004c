//! Where formulas stand in a text, and where a dollar sign is only a dollar sign.
//!
//! Delimiters are `$…$`, `$$…$$`, `\(…\)` and `\[…\]`. For `$…$` the rules of Pandoc's `tex_math_dollars` hold (no space
//! inside the dollars, no digit after them) and three more, because prices, shell variables and prose must stay as they
//! are: one line only, no letter or digit touching the dollars from outside (a Korean particle may: `$x$는`), and the
//! content must read like a formula.

use super::fence::Fence;
use super::markers;
use std::ops::Range;

/// Longest formula looked for, in bytes. What is longer stays text.
const LONGEST: usize = 8_000;

/// A formula found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Formula {
    /// The LaTeX between the delimiters.
    pub latex: Range<usize>,
    /// Where the closing delimiter ends.
    pub end: usize,
    /// Set on a line of its own rather than in the sentence.
    pub display: bool,
    /// Every backslash was written twice, as in `\\\\( x \\\\)`.
    pub is_doubled: bool,
}

/// Looks for a formula whose opening delimiter stands at `at`. With `one_line` it must end on the same line.
pub(super) fn find(text: &str, at: usize, one_line: bool) -> Option<Formula> {
    let bytes = text.as_bytes();
    match (bytes.get(at)?, bytes.get(at + 1)?) {
        (b'$', b'$') => delimited(text, at, "$$", one_line, true),
        (b'$', _) => dollars(text, at),
        (b'\\', b'(') => delimited(text, at, "\\)", one_line, false),
        (b'\\', b'[') => delimited(text, at, "\\]", one_line, true),
        (b'\\', b'\\') => match bytes.get(at + 2)? {
            b'(' => delimited(text, at, "\\\\)", one_line, false),
            b'[' => delimited(text, at, "\\\\]", one_line, true),
            _ => None,
        },
        (b'\\', b'c') if text[at..].starts_with("\\ce{") => chemistry(text, at),
        (b'\\', b'b') => environment(text, at, one_line),
        _ => None,
    }
}

/// `\ce{…}` without dollars around it.
fn chemistry(text: &str, at: usize) -> Option<Formula> {
    let mut depth = 0_usize;
    for (length, byte) in text[at..].bytes().enumerate().take(LONGEST) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => {
                let end = at + length + 1;
                return Some(Formula { latex: at..end, end, display: false, is_doubled: false });
            }
            b'}' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Environments that models write without any delimiter around them.
const ENVIRONMENTS: [&str; 16] = [
    "align",
    "align*",
    "aligned",
    "alignat",
    "array",
    "bmatrix",
    "cases",
    "equation",
    "equation*",
    "gather",
    "gather*",
    "gathered",
    "matrix",
    "pmatrix",
    "split",
    "vmatrix",
];

/// `\begin{align}…\end{align}` without dollars around it.
fn environment(text: &str, at: usize, one_line: bool) -> Option<Formula> {
    let (name, _) = text[at..].strip_prefix("\\begin{")?.split_once('}')?;
    if !ENVIRONMENTS.contains(&name) {
        return None;
    }
    let close = format!("\\end{{{name}}}");
    let found = delimited(text, at, &close, one_line, true)?;
    Some(Formula { latex: at..found.end, ..found })
}

/// `$…$`.
fn dollars(text: &str, at: usize) -> Option<Formula> {
    let bytes = text.as_bytes();
    let touches = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'$');
    if touches(at.checked_sub(1).and_then(|before| bytes.get(before))) {
        return None;
    }
    let mut close = at + 1;
    loop {
        match bytes.get(close)? {
            b'$' => break,
            b'\n' => return None,
            b'\\' if bytes.get(close + 1) != Some(&b'\n') => close += 2,
            _ => close += 1,
        }
        if close - at > LONGEST {
            return None;
        }
    }
    let latex = at + 1..close;
    let content = &text[latex.clone()];
    let spaces = (content.starts_with([' ', '\t']), content.ends_with([' ', '\t']));
    let tight = spaces == (false, false) || (spaces == (true, true) && content.contains(['\\', '^', '_']));
    (tight && !touches(bytes.get(close + 1)) && reads_like_a_formula(content)).then_some(Formula {
        latex,
        end: close + 1,
        display: false,
        is_doubled: false,
    })
}

/// A formula with a longer closing delimiter; the opening one has as many bytes, but for an environment's. It may run over lines, but not over anything that may begin a block.
fn delimited(text: &str, at: usize, close: &str, one_line: bool, display: bool) -> Option<Formula> {
    let is_environment = close.starts_with("\\end");
    let open = if is_environment { "\\begin{" } else { text.get(at..at + close.len())? };
    let from = at + open.len();
    let bytes = text.as_bytes();
    let mut here = from;
    loop {
        let rest = bytes.get(here..).filter(|_| here - from <= LONGEST)?;
        if rest.starts_with(close.as_bytes()) {
            break;
        }
        if !is_environment && rest.starts_with(open.as_bytes()) {
            return None;
        }
        match rest.first()? {
            b'\\' if bytes.get(here + 1) != Some(&b'\n') => here += 2,
            b'\n' if one_line => return None,
            b'\n' => {
                here += 1;
                let line = text[here..].split('\n').next().unwrap_or_default();
                let content = &line[markers::container_prefix(line).0..];
                if markers::is_blank(content) || Fence::open(content).is_some() || markers::is_heading(content) {
                    return None;
                }
            }
            _ => here += 1,
        }
    }
    let latex = from..here;
    let content = &text[latex.clone()];
    let found = !content.trim().is_empty() && (open == "$$" || is_environment || reads_like_a_formula(content));
    found.then_some(Formula { latex, end: here + close.len(), display, is_doubled: open.starts_with("\\\\") })
}

/// Whether what follows a dollar sign is a price: a number with a Korean word at it, or with a comma and a word behind it
/// (`$3이고, …`, `$5, apples`). A number with a unit that is reckoned with is none (`$3개 + 5개$`).
pub(super) fn is_price(content: &str) -> bool {
    let rest = content.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, ',' | '.'));
    if rest.len() == content.len() || !content.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let after = rest.trim_start_matches(is_hangul);
    let is_reckoned = after.trim_start().starts_with(|c: char| "+-=×÷/*<>≤≥\\^_".contains(c));
    let word = rest.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    (after.len() < rest.len() && !is_reckoned)
        || (rest.starts_with(' ') && (word.len() >= 3 || rest.trim_start().starts_with(is_hangul)))
}

fn is_hangul(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{ac00}'..='\u{d7a3}')
}

/// Tells a formula from prose that happens to stand between delimiters (`$5짜리 사과와 3$`, `\[주의\]`).
fn reads_like_a_formula(content: &str) -> bool {
    if content.trim().is_empty() || is_price(content) {
        return false;
    }
    if content.contains(['\\', '^', '_', '=', '<', '>', '{', '+', '×', '÷', '≤', '≥']) {
        return true;
    }
    let hangul = content.contains(is_hangul);
    let words = content.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| word.len() >= 3).count();
    !hangul && words < 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The LaTeX of every formula in the text.
    fn formulas(text: &str) -> Vec<&str> {
        let (mut found, mut at) = (Vec::new(), 0);
        while at < text.len() {
            match find(text, at, false) {
                Some(formula) => {
                    found.push(&text[formula.latex]);
                    at = formula.end;
                }
                None => at += 1,
            }
        }
        found
    }

    #[test]
    fn formulas_are_told_from_prices_variables_and_prose() {
        for (text, expected) in [
            ("$x$는 3이다", vec!["x"]),
            ("($x$, $y$)와 $f(x)$의 값", vec!["x", "y", "f(x)"]),
            ("$3$개, $-2$, $n!$, $\\frac{1}{2}$을", vec!["3", "-2", "n!", "\\frac{1}{2}"]),
            ("$ x^2 $도 쓴다", vec![" x^2 "]),
            ("$\\$5 + x$", vec!["\\$5 + x"]),
            ("$속력 = 거리 / 시간$이다", vec!["속력 = 거리 / 시간"]),
            ("$a$-$b$", vec!["a", "b"]),
            ("사과는 $5, 배는 $10", vec![]),
            ("$5와 $10 사이", vec![]),
            ("($5)($10)", vec![]),
            ("US$5 and US$6 and $x^2$", vec!["x^2"]),
            ("US$5~US$10", vec![]),
            ("$HOME과 $PATH", vec![]),
            ("$HOME:$PATH", vec![]),
            ("$HOME/$USER/$x", vec![]),
            ("$5 for apples and 3$", vec![]),
            ("$5짜리 사과와 3$", vec![]),
            ("한 줄 $x\n다음 줄$", vec![]),
            ("$$", vec![]),
            ("$$$$", vec![]),
            ("$", vec![]),
            ("$$x$$", vec!["x"]),
            ("$$\nx\n$$", vec!["\nx\n"]),
            ("$$\nx\n\ny\n$$", vec![]),
            ("$$\\\n# $$", vec![]),
            ("\\(x\\)는 \\[y\\]", vec!["x", "y"]),
            ("\\[주의\\] 꼭 읽어요", vec![]),
            ("\\(\\(x\\)", vec!["x"]),
            ("\\", vec![]),
        ] {
            assert_eq!(formulas(text), expected, "{text:?}");
        }
    }
}
