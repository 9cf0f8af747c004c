//! LaTeX to MathML.

use super::latex;
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Parser, RenderConfig, Storage, mathml};
use std::panic::{self, AssertUnwindSafe};

/// Longest formula that is typeset, in bytes; longer ones are shown as their source.
const MAX_BYTES: usize = 2_000;
/// Deepest nesting of groups, environments and delimiters.
const MAX_DEPTH: usize = 40;
/// Most parsing events a formula may unfold into.
const MAX_EVENTS: usize = 8_000;
/// Definitions can unfold without bound, and answers to students don't need them.
const FORBIDDEN: [&str; 9] =
    ["def", "gdef", "edef", "xdef", "let", "futurelet", "newcommand", "renewcommand", "providecommand"];

/// Renders a formula to a `<math>` element, **not yet sanitised**: the converter lets some markup through.
///
/// `None` if the formula is too long, too deep, defines commands or is not understood; then its source should be shown.
pub(super) fn mathml(latex: &str, display: bool) -> Option<String> {
    if latex.len() > MAX_BYTES || is_too_deep(latex) || defines(latex) {
        return None;
    }
    // The converter has `expect`s on its own state. A student's page must survive a formula that breaks one.
    panic::catch_unwind(AssertUnwindSafe(|| convert(latex, display))).ok().flatten()
}

fn convert(latex: &str, display: bool) -> Option<String> {
    let latex = latex::rewrite(latex)?;
    if latex.len() > 4 * MAX_BYTES || is_too_deep(&latex) {
        return None;
    }
    typeset(&latex, display).or_else(|| typeset(&in_lines(&latex)?, display))
}

/// A formula of several lines without an environment, in one.
fn in_lines(latex: &str) -> Option<String> {
    let latex = latex.trim().trim_end_matches("\\\\");
    let environment = if latex.contains('&') { "aligned" } else { "gathered" };
    (latex.contains("\\\\") || latex.contains("&="))
        .then(|| format!("\\begin{{{environment}}}{latex}\\end{{{environment}}}"))
}

fn typeset(latex: &str, display: bool) -> Option<String> {
    let storage = Storage::new();
    let events: Vec<_> = Parser::new(latex, &storage).take(MAX_EVENTS + 1).collect::<Result<_, _>>().ok()?;
    if events.is_empty() || events.len() > MAX_EVENTS {
        return None;
    }
    let display_mode = if display { DisplayMode::Block } else { DisplayMode::Inline };
    let config = RenderConfig { display_mode, ..RenderConfig::default() };
    let mut html = Vec::new();
    mathml::write_mathml(&mut html, events.into_iter().map(Ok::<_, std::fmt::Error>), config).ok()?;
    // The converter escapes its own entity.
    let html = String::from_utf8(html).ok()?.replace("<mtext>&amp;nbsp;</mtext>", "<mtext>&nbsp;</mtext>");
    if html.contains("<merror") {
        return None;
    }
    Some(with_overlines(with_space_outside_scripts(&html)))
}

/// Moves the thin space before a function's name out of the script element that carries its limits.
///
/// The converter writes `2\sin^2 x` as `<msup><mspace/><mi>sin</mi><mn>2</mn></msup>`, but a script element must have
/// exactly two or three children; with one more a browser sets them all in a row.
fn with_space_outside_scripts(html: &str) -> String {
    const SPACE: &str = "<mspace width=\"0.1667em\" />";
    let mut out = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(SPACE) {
        out.push_str(&rest[..at]);
        let tag = out.rfind('<').filter(|&tag| {
            let tag = &out[tag + 1..];
            tag.ends_with('>') && ["msub", "msup", "munder", "mover"].iter().any(|name| tag.starts_with(name))
        });
        out.insert_str(tag.unwrap_or(out.len()), SPACE);
        rest = &rest[at + SPACE.len()..];
    }
    out.push_str(rest);
    out
}

/// Marks `\overline`, which the converter sets as a letter above, so that the style sheet can draw the line at full width:
/// `\overline{AB}` is a segment in every geometry lesson, and many devices have no font whose lines stretch.
fn with_overlines(mut html: String) -> String {
    const LINE: &str = "<mi>\u{203e}</mi></mover>";
    let mut from = 0;
    while let Some(line) = html[from..].find(LINE).map(|at| from + at) {
        let (mut open, mut at) = (1_usize, line);
        while open > 0 {
            let Some(tag) = html[..at].rfind("mover") else { return html };
            open = if html[..tag].ends_with("</") { open + 1 } else { open - 1 };
            at = tag;
        }
        html.replace_range(line..line + LINE.len(), "<mo>\u{203e}</mo></mover>");
        html.insert_str(at + "mover".len(), " class=\"menv-overline\"");
        from = line + LINE.len();
    }
    html
}

/// Most commands of a formula. Each may take what follows as its argument, whatever stands between them (`\frac1\frac1…`,
/// `\sqrt[]\sqrt[]…`), and the converter calls itself for each: so many fit its stack four times over.
const MAX_COMMANDS: usize = 90;

/// Whether groups nest too deep, or scripts and commands follow one another in a chain that nests.
fn is_too_deep(latex: &str) -> bool {
    // Braces are counted for themselves: a stray bracket closes none of them.
    let braces = latex.bytes().filter(|&byte| byte == b'{').count();
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut rest = latex;
    while let Some(at) = rest.find(['{', '}', '\\', '[', ']', '(', ')']) {
        rest = &rest[at..];
        let opens = ["{", "[", "(", "\\left", "\\begin"].iter().any(|open| rest.starts_with(open));
        let closes = ["}", "]", ")", "\\right", "\\end"].iter().any(|close| rest.starts_with(close));
        if opens {
            depth += 1;
            deepest = deepest.max(depth);
        } else if closes {
            depth = depth.saturating_sub(1);
        }
        let skip = if rest.starts_with('\\') { 2 } else { 1 };
        rest = rest.char_indices().nth(skip).map_or("", |(next, _)| &rest[next..]);
    }
    braces > 2 * MAX_COMMANDS
        || deepest > MAX_DEPTH
        || has_long_chain(latex)
        || latex.matches('\\').count() > MAX_COMMANDS
}

/// `\sqrt\sqrt\sqrt…`: each command takes the next as its argument, which nests without any brace.
fn has_long_chain(latex: &str) -> bool {
    let mut chain = 0;
    for word in latex.split('\\').map(str::trim_end).skip(1) {
        chain = if word.bytes().all(|b| b.is_ascii_alphabetic()) { chain + 1 } else { 0 };
        if chain > MAX_DEPTH {
            return true;
        }
    }
    false
}

fn defines(latex: &str) -> bool {
    latex.split('\\').skip(1).any(|rest| {
        let name = rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        FORBIDDEN.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chains_that_nest_without_a_brace_are_not_converted() {
        for part in ["\\frac1", "\\binom1", "\\overset1", "\\sqrt[]", "\\sqrt[1]", "\\hat%\n", "{)"] {
            let latex = format!("{}x{}", part.repeat(250), if part == "{)" { "}".repeat(250) } else { String::new() });
            assert!(is_too_deep(&latex), "{part}");
        }
        assert!(!is_too_deep(&r"\frac{a}{b} + ".repeat(20)));
    }

    #[test]
    fn school_formulas_are_understood() {
        for latex in [
            "x",
            r"\frac{a}{b}",
            r"\sqrt[3]{x+1}",
            r"\sum_{i=1}^{n} i^2",
            r"\int_0^1 x\,dx",
            r"\begin{pmatrix}1&2\\3&4\end{pmatrix}",
            r"\begin{cases}x & x>0 \\ -x & x<0\end{cases}",
            r"\begin{aligned}a&=b\\&=c\end{aligned}",
            r"\angle ABC = 90^\circ",
            r"\overline{AB} \parallel \overline{CD}",
            r"\triangle ABC \equiv \triangle DEF",
            r"속력 = \frac{거리}{시간}",
            r"\text{넓이} = \pi r^2",
            r"6CO_2 + 6H_2O \rightarrow C_6H_{12}O_6 + 6O_2",
            r"\lim_{x \to 0} \frac{\sin x}{x} = 1",
            r"a \le b \ne c \ge d \approx e",
            r"\therefore x = \pm 2",
            r"1,000 \times 3\%",
            r"\boxed{x = 3}",
            r"30%",
            r"40% + 20% = 60\%",
            r"x = 1 \tag{1}",
            r"\phantom{x}y",
            r"\bcancel{x}",
            r"\fbox{답}",
            r"\ce{2H2 + O2 -> 2H2O}",
            r"\ce{SO4^2-}",
            r"\ce{^{14}_6C}",
            r"\mathrm{km/h}",
            r"\left\{ x \mid x > 0 \right\}",
            r"\cancel{x}",
            r"\dfrac{1}{2}",
            r"\vec{v}",
            r"\dot{x}",
            r"\overrightarrow{AB}",
            r"x'",
            r"\binom{n}{k}",
            r"\begin{array}{c|c} a & b \\ \hline c & d \end{array}",
            r"\begin{align} a &= b \\ c &= d \end{align}",
            r"\underbrace{a+b}_{합}",
            r"\stackrel{?}{=}",
            r"\displaystyle \sum x",
            r"\operatorname{lcm}(a,b)",
            r"\mathbb{R}",
            r"\not\in",
            r"\color{red}{x}",
            r"\textbf{굵게}",
            r"\cdots \ldots",
            r"\bar{x}",
            r"0.\dot{3}",
        ] {
            assert!(mathml(latex, true).is_some_and(|html| html.starts_with("<math")), "{latex}");
        }
    }

    #[test]
    fn a_function_after_a_symbol_keeps_its_script() {
        let html = mathml(r"2\sin^2 x + a\lim_{x \to 0} y", true).unwrap();
        assert!(html.contains("<msup><mi>sin") && html.contains("<munder><mi>lim"), "{html}");
    }

    #[test]
    fn each_overline_is_marked() {
        let html = mathml(r"\overline{\overline{AB} + \vec{C}} \bar{x}", false).unwrap();
        assert_eq!(html.matches("<mover class=\"menv-overline\">").count(), 3, "{html}");
        assert_eq!(html.matches("<mover").count(), 4, "{html}");
    }

    #[test]
    fn hostile_formulas_are_shown_as_their_source() {
        for latex in [
            "{".repeat(500),
            "\\sqrt".repeat(300),
            "\\frac".repeat(300),
            "x^".repeat(900),
            "(".repeat(1900),
            "\\left(".repeat(200),
            "x".repeat(MAX_BYTES + 1),
            r"\def\a{\a\a}\a".into(),
            r"\newcommand{\a}{xx}\a".into(),
            r"\let\a=\b".into(),
            r"\nosuchcommand".into(),
            "\\".into(),
            "}".into(),
            "&".into(),
            String::new(),
            "\\begin{matrix}".repeat(100),
            "#1".into(),
            r"\end{x}".into(),
            "x_".into(),
        ] {
            assert_eq!(mathml(&latex, false), None, "{latex}");
        }
    }
}
