//! How a line of Markdown begins: indentation, list markers, headings, rules.
//!
//! Where this dialect differs from CommonMark (`##제목` is a heading, `12. 3.` a date), the text is masked before it is
//! parsed, so these rules are needed outside of the Markdown parser.
//!
//! The rules are those of CommonMark 0.31 §2.2 (tabs), §4.1 (rules), §4.2 (headings) and §5.2 (lists).

use super::hangul::is_hangul;

/// Columns of white space before the text, and where the text begins in bytes. A tab reaches the next multiple of four.
pub(super) fn indent(line: &str) -> (usize, usize) {
    let mut column = 0;
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            b' ' => column += 1,
            b'\t' => column += 4 - column % 4,
            _ => return (column, at),
        }
    }
    (column, line.len())
}

/// Whether the line holds nothing but spaces, tabs and line ends. Other Unicode spaces are text.
pub(super) fn is_blank(line: &str) -> bool {
    line.bytes().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
}

/// How often `mark` stands at the start of `text`.
pub(super) fn run(text: &str, mark: u8) -> usize {
    text.bytes().take_while(|&byte| byte == mark).count()
}

/// Whether `text` (without its indentation) is an ATX heading: `#` to `######`, then white space or nothing. From `##` on,
/// a Korean word, a number or bold text may follow at once; `#태그` is a tag.
pub(super) fn is_heading(text: &str) -> bool {
    let level = run(text, b'#');
    (1..=6).contains(&level)
        && (text[level..].bytes().next().is_none_or(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
            || level > 1 && begins_title(&text[level..]))
}

fn begins_title(text: &str) -> bool {
    text.starts_with(|c: char| is_hangul(c) || c.is_ascii_digit()) || text.starts_with("**")
}

/// The level of the heading that is the line, if the space behind its signs is missing: `##제목`.
pub(super) fn heading_without_space(line: &str) -> Option<usize> {
    let (prefix, content) = line.split_at(container_prefix(line).0);
    let level = run(content, b'#');
    (is_heading(content) && begins_title(&content[level..]) && !prefix.ends_with("    ")).then_some(level)
}

/// Whether `text` (without its indentation) is a thematic break: three or more of `*`, `-` or `_`, and white space.
pub(super) fn is_rule(text: &str) -> bool {
    let Some(&mark) = text.as_bytes().first() else { return false };
    matches!(mark, b'*' | b'-' | b'_')
        && text.bytes().all(|b| b == mark || matches!(b, b' ' | b'\t' | b'\r' | b'\n'))
        && text.bytes().filter(|&b| b == mark).count() >= 3
}

/// A list marker at the start of a line's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ListMarker {
    /// Bytes of the marker itself (`-` is 1, `12.` is 3).
    pub width: usize,
    /// Columns from the marker to the item's text: what a line needs, beyond the marker's own indentation, to belong to the item.
    pub offset: usize,
    /// Whether it may stand directly under a paragraph's line: not empty, and a number only if it is 1.
    pub interrupts: bool,
    /// Nothing behind it.
    pub empty: bool,
}

/// Reads the list marker that begins `text`, which stands at `column`.
pub(super) fn list_marker(text: &str, column: usize) -> Option<ListMarker> {
    let bytes = text.as_bytes();
    let (width, first) = match bytes.first()? {
        b'+' if is_sum(text) => return None,
        b'-' | b'*' | b'+' => (1, true),
        b'0'..=b'9' => {
            let digits = number(text)?;
            if !numbers_an_item(text, digits) {
                return None;
            }
            (digits + 1, &text[..digits] == "1")
        }
        _ => return None,
    };
    if is_blank(&text[width..]) {
        return Some(ListMarker { width, offset: width + 1, interrupts: false, empty: true });
    }
    let end = column + width;
    let gap = bytes[width..].iter().take_while(|b| matches!(b, b' ' | b'\t'));
    let gap = gap.fold(end, |at, &b| if b == b' ' { at + 1 } else { at + 4 - at % 4 }) - end;
    // Five columns and more are an indented code block inside the item.
    let offset = width + if gap > 4 { 1 } else { gap };
    (gap > 0).then_some(ListMarker { width, offset, interrupts: first, empty: false })
}

/// Whether the line goes on with a sum that is written one number below the other: `+ 35`, `+ 5 = 12`.
pub(super) fn is_sum(text: &str) -> bool {
    const LONGEST: usize = 40;
    let Some(rest) = text.strip_prefix("+ ").map(str::trim) else { return false };
    rest.len() <= LONGEST
        && rest.starts_with(|c: char| c.is_ascii_digit())
        && rest.chars().all(|c| c.is_ascii_digit() || " .,=+-×÷*/()%xy?□".contains(c))
}

/// Digits of the number at the start of `text`, if CommonMark would take it for the number of a list item.
fn number(text: &str) -> Option<usize> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    ((1..=9).contains(&digits) && matches!(text.as_bytes().get(digits), Some(b'.' | b')'))).then_some(digits)
}

/// Whether the number that begins `text` is that of an item, and can be shown as it was written: no date (`12. 3. 발표`),
/// no leading zero (`007.`), at most four digits (a year).
fn numbers_an_item(text: &str, digits: usize) -> bool {
    let zero = digits > 1 && text.starts_with('0');
    let behind = text[digits + 1..].trim_start_matches([' ', '\t']);
    let second = behind.bytes().take_while(u8::is_ascii_digit).count();
    let after = &behind.as_bytes()[second..];
    let date = (1..=2).contains(&second)
        && matches!(after.first(), Some(b'.' | b')'))
        && !after.get(1).is_some_and(u8::is_ascii_digit);
    !zero && digits <= 4 && !date
}

/// Digits at the start of `text` that CommonMark reads as the number of an item, but that are text here.
pub(super) fn number_as_text(text: &str) -> Option<usize> {
    number(text).filter(|&digits| !numbers_an_item(text, digits))
}

/// Bytes of the block quote signs, list markers and white space a line begins with, and how many markers those are.
pub(super) fn container_prefix(line: &str) -> (usize, usize) {
    let (mut at, mut markers) = (0, 0);
    loop {
        at += indent(&line[at..]).1;
        let rest = &line[at..];
        if rest.starts_with('>') {
            at += 1;
        } else if let Some(marker) = list_marker(rest, at).filter(|_| !is_rule_bounded(rest)) {
            at += marker.width;
        } else {
            return (at, markers);
        }
        markers += 1;
    }
}

/// [`is_rule`] that gives up on long lines, so that thousands of markers on one line stay cheap.
fn is_rule_bounded(text: &str) -> bool {
    text.len() <= 200 && is_rule(text)
}
