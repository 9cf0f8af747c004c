//! Where formulas stand in a text, and where a dollar sign is only a dollar sign.
//!
//! Delimiters are `$…$`, `$$…$$`, `\(…\)` and `\[…\]`; `\ce{…}` and `\begin{align}…\end{align}` need none. For `$…$` the
//! rules of Pandoc's `tex_math_dollars` hold (no space inside the dollars, no digit after them) and three more, because
//! prices, shell variables and prose must stay as they are: one line only, no letter or digit touching the dollars from
//! outside (a Korean particle may: `$x$는`), and the content must read like a formula.

use super::fence::Fence;
use super::hangul::is_hangul;
use super::markers;
use std::ops::Range;

/// Longest formula looked for, in bytes. What is longer stays text.
const MAX_BYTES: usize = 8_000;
/// Longest group in braces that is looked for without delimiters around it: thousands of open ones must stay cheap.
const MAX_GROUP_BYTES: usize = 500;

/// A formula found in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Formula {
    /// The LaTeX between the delimiters.
    pub latex: Range<usize>,
    /// Where the closing delimiter ends.
    pub end: usize,
    /// Set on a line of its own rather than in the sentence.
    pub display: bool,
}

/// Finds a formula whose opening delimiter stands at `at`. With `one_line` it must end on the same line.
pub(super) fn find(text: &str, at: usize, one_line: bool) -> Option<Formula> {
    let bytes = text.as_bytes();
    match (bytes.get(at)?, bytes.get(at + 1)?) {
        (b'$', b'$') => delimited(text, at, "$$", one_line, true),
        (b'$', _) => dollars(text, at),
        (b'\\', b'(') => delimited(text, at, "\\)", one_line, false),
        (b'\\', b'[') => delimited(text, at, "\\]", one_line, true),
        // Some models escape twice.
        (b'\\', b'\\') if bytes.get(at + 2) == Some(&b'(') => delimited(text, at, "\\\\)", one_line, false),
        (b'\\', b'\\') if bytes.get(at + 2) == Some(&b'[') => delimited(text, at, "\\\\]", one_line, true),
        (b'\\', b'b') => environment(text, at, one_line),
        (b'\\', b'c' | b'p') => chemistry(text, at),
        _ => None,
    }
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
            b'\\' if bytes.get(close + 1) != Some(&b'\n') => close += text_group(&text[close..]).unwrap_or(2),
            _ => close += 1,
        }
        if close - at > MAX_BYTES {
            return None;
        }
    }
    let latex = at + 1..close;
    let content = &text[latex.clone()];
    (may_be_spaced(content) && !touches(bytes.get(close + 1)) && reads_like_a_formula(content)).then_some(Formula {
        latex,
        end: close + 1,
        display: false,
    })
}

/// Whether the spaces inside the dollars leave it a formula: none, or what no sentence with two prices has.
fn may_be_spaced(content: &str) -> bool {
    let spaces = (content.starts_with([' ', '\t']), content.ends_with([' ', '\t']));
    let commands = content.contains(['\\', '^', '_']);
    match spaces {
        (false, false) => true,
        (true, true) if !commands => {
            let content = content.trim();
            let operators = ['+', '-', '=', '<', '>', '×', '÷', '≤', '≥', '·', ',', '/', '→', ':', '~'];
            let letter = content.contains(|c: char| c.is_ascii_alphabetic());
            !content.contains(is_hangul)
                && !content.ends_with(operators)
                && (letter || content.contains(['=', '+', '×', '÷', '<', '>']))
        }
        _ => commands,
    }
}

/// Bytes of the command at the start of `rest`, if it holds text in which a formula stands: `\text{값은 $x$}`.
fn text_group(rest: &str) -> Option<usize> {
    let name = rest[1..].split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let content = rest[1 + name.len()..].strip_prefix('{')?;
    if !(name.starts_with("text") || name.ends_with("box")) {
        return None;
    }
    let length = braced(content)?;
    let dollars = content[..length].bytes().filter(|&byte| byte == b'$').count();
    (dollars > 0 && dollars % 2 == 0).then_some(1 + name.len() + 1 + length + 1)
}

/// A formula with a closing delimiter. It may run over lines, but not over anything that may begin a block.
fn delimited(text: &str, at: usize, close: &str, one_line: bool, display: bool) -> Option<Formula> {
    let open = &text[at..at + close.len()];
    let from = at + open.len();
    let end = closing(text, from, open, close, one_line)?;
    let latex = from..end;
    let content = &text[latex.clone()];
    let found = !content.trim().is_empty() && (open == "$$" || reads_like_a_formula(content));
    found.then_some(Formula { latex, end: end + close.len(), display })
}

/// Where the closing delimiter of a formula stands whose content begins at `from`.
fn closing(text: &str, from: usize, open: &str, close: &str, one_line: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut here = from;
    loop {
        let rest = bytes.get(here..).filter(|_| here - from <= MAX_BYTES)?;
        if rest.starts_with(close.as_bytes()) {
            return Some(here);
        }
        if rest.starts_with(open.as_bytes()) {
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
}

/// `\begin{align}…\end{align}` without delimiters. One that is no formula (`itemize`) is shown as its source, whole.
fn environment(text: &str, at: usize, one_line: bool) -> Option<Formula> {
    let name = text[at..].strip_prefix("\\begin{")?;
    let name = name.get(..name.as_bytes().iter().take(16).position(|&byte| byte == b'}')?)?;
    if name.is_empty() || !name.trim_end_matches('*').bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let (open, close) = (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}"));
    let end = closing(text, at + open.len(), &open, &close, one_line)? + close.len();
    Some(Formula { latex: at..end, end, display: true })
}

/// `\ce{…}` and `\pu{…}` without delimiters.
fn chemistry(text: &str, at: usize) -> Option<Formula> {
    let content = ["\\ce{", "\\pu{"].iter().find_map(|open| text[at..].strip_prefix(open))?;
    let end = at + 4 + braced(content)? + 1;
    Some(Formula { latex: at..end, end, display: false })
}

/// Bytes up to the brace that closes the group which `content` is in, on the same line.
pub(super) fn braced(content: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut bytes = content.bytes().enumerate().take(MAX_GROUP_BYTES);
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Whether the text behind a dollar sign may still become a formula, seen as far as it has arrived.
pub(super) fn may_come(text: &str) -> bool {
    let number = text.bytes().take_while(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b',')).count();
    let behind = text[number..].trim_start();
    let price = number > 0
        && !behind.starts_with(['\\', '^', '_', '{', '+', '-', '=', '<', '>', '/', '*', '(', '×', '÷', '≤', '≥', '%'])
        && !behind.starts_with(|c: char| c.is_ascii_alphabetic() && text.len() == number + behind.len());
    // Hangul stands in formulas as a word or two: `속력 = \frac{거리}{시간}`.
    let words = text.split_whitespace().filter(|word| !word.starts_with('\\') && word.chars().any(is_hangul)).count();
    // `$y = ax` may go on as `^2$`; `$x는` and `$HOME` are variables.
    let letter = text.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '|' | '-' | '('))
        && !text
            .starts_with(|c: char| c.is_ascii_alphabetic() && text[1..].starts_with(|c: char| c.is_ascii_alphabetic()))
        && !text.contains(is_hangul)
        && text.len() <= 40;
    let formula = letter || text.contains(['\\', '^', '_', '{']);
    !price && words <= 3 && text.len() <= 400 && !text.contains('\n') && formula
}

/// Distinguishes a formula from prose that stands between delimiters (`$5짜리 사과와 3$`, `\[주의\]`).
fn reads_like_a_formula(content: &str) -> bool {
    if content.trim().is_empty() {
        return false;
    }
    if content.contains(['\\', '^', '_', '=', '<', '>', '{', '+', '×', '÷', '≤', '≥']) {
        return true;
    }
    let hangul = content.chars().any(is_hangul);
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
