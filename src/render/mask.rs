//! What is taken out of a text before the Markdown parser sees it, and put back when HTML is written.
//!
//! Formulas are full of `*`, `_`, `|` and line beginnings that mean something else in Markdown, raw HTML would open
//! blocks that swallow the text after them, and reference definitions would vanish from the page. So each formula (and
//! each of the few allowed tags) is replaced by a numbered token of private-use characters, and a `<` or `[` that could
//! begin an HTML block or a definition by a single such character. A token that ends up in code or in an address turns
//! back into its source there, so being wrong about what is code does no harm.

use super::emphasis::{self, Edit, Run};
use super::fence::{FencedCode, Line};
use super::formula::{self, Formula};
use super::{link, markers};
use std::borrow::Cow;

const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';
/// Stands for nothing. Beside a mark of emphasis it counts as a letter, so that the mark can open or close.
const NOTHING: char = '\u{e002}';
/// Where the stand-ins of ASCII characters begin that are text and must not act as Markdown.
const LITERALS: u32 = 0xe100;
/// What they stand for, from the space on.
const ASCII: &str = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

/// A text ready for the Markdown parser.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// The text with tokens.
    pub text: String,
    hidden: Vec<Hidden>,
}

/// Something that was replaced by a token.
#[derive(Debug)]
struct Hidden {
    source: String,
    meaning: Meaning,
}

#[derive(Debug)]
enum Meaning {
    Formula { latex: String, display: bool },
    Tag(&'static str),
    Address,
}

/// A stretch of text the parser gave back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// A formula; `source` is it with its delimiters.
    Formula { latex: &'a str, display: bool, source: &'a str },
    /// One of the allowed tags: as it is put out, and as it was written.
    Tag { html: &'static str, source: &'a str },
    /// A bare address.
    Address(&'a str),
}

/// The only HTML that works in Markdown here, as written and as put out.
const TAGS: [(&str, &str); 7] = [
    ("<br>", "<br>"),
    ("<br/>", "<br>"),
    ("<br />", "<br>"),
    ("<sub>", "<sub>"),
    ("</sub>", "</sub>"),
    ("<sup>", "<sup>"),
    ("</sup>", "</sup>"),
];

impl Masked {
    /// Masks a text. Line ends become `\n`; characters that the mask itself uses, and NUL, become U+FFFD.
    pub(super) fn new(text: &str) -> Self {
        let mut masked = Self::default();
        masked.add(text);
        masked.end();
        masked
    }

    /// Ends the last line: the parser takes a list marker at the very end for text.
    pub(super) fn end(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    /// Masks a text and appends it.
    pub(super) fn add(&mut self, text: &str) {
        let clean = normalise(text);
        self.text.reserve(clean.len());
        let mut code = FencedCode::default();
        let mut at = 0;
        while at < clean.len() {
            let end = clean[at..].find('\n').map_or(clean.len(), |length| at + length + 1);
            let line = &clean[at..end];
            let prefix = markers::container_prefix(line).0;
            let content = &line[prefix..];
            self.text.push_str(&line[..prefix]);
            // On every line, code or not: what is code is only guessed here, and in code it changes nothing.
            let from = at + prefix + self.opening(content);
            let code = code.line(line);
            // A line of "```" that is no fence, for a backtick further on, would be one if that backtick went with a formula.
            at = if code == Line::NestedFence {
                self.text.extend(clean[from..end].chars().map(|c| if c == '`' { literal(c) } else { c }));
                end
            } else if code == Line::Code || content.starts_with("```") {
                self.text.push_str(&clean[from..end]);
                end
            } else {
                let (start, mut runs) = (self.text.len(), Vec::new());
                let next = self.inline(&clean, at, prefix, from, end, &mut runs);
                self.edit(start, &emphasis::plan(&self.text, start, &runs));
                next
            };
        }
    }

    /// Applies the edits of a line that begins at `start`. They are in order and don't overlap.
    fn edit(&mut self, start: usize, edits: &[Edit]) {
        if edits.is_empty() {
            return;
        }
        let line = self.text.split_off(start);
        let mut done = 0;
        for edit in edits {
            let at = edit.at() - start;
            self.text.push_str(&line[done..at]);
            done = at;
            match *edit {
                Edit::Join(_) => self.text.push(NOTHING),
                Edit::Literal(Run { length, mark, .. }) => {
                    self.text.extend(std::iter::repeat_n(literal(char::from(mark)), length));
                    done += length;
                }
                Edit::Stars(Run { length, .. }) => {
                    self.text.extend(std::iter::repeat_n('*', length));
                    done += length;
                }
            }
        }
        self.text.push_str(&line[done..]);
    }

    /// Masks what could begin a definition, HTML or a list where a date stands, at the start of a line's content; gives the
    /// bytes it took.
    fn opening(&mut self, content: &str) -> usize {
        let number = markers::dotted_number(content);
        let masked =
            if may_define(content) || (content.starts_with('<') && !is_autolink(content) && tag(content).is_none()) {
                0
            } else if number > 0 {
                self.text.push_str(&content[..number]);
                number
            } else {
                return 0;
            };
        self.text.push(literal(char::from(content.as_bytes()[masked])));
        masked + 1
    }

    /// Masks formulas, tags, bare addresses and single tildes from `at` to the end of the line that begins at `start`, and
    /// notes the marks of emphasis in `runs`. Gives the place to go on from, which is further down if a formula runs over the
    /// line's end.
    fn inline(
        &mut self,
        text: &str,
        start: usize,
        prefix: usize,
        mut at: usize,
        mut end: usize,
        runs: &mut Vec<Run>,
    ) -> usize {
        let content = &text[start + prefix..end];
        let one_line = content.starts_with(['#', '|']);
        let quoted = text[start..start + prefix].contains('>');
        let bytes = text.as_bytes();
        while at < end {
            let plain = bytes[at..end].iter().take_while(|b| !b"`$\\<~*_hHwW".contains(b)).count();
            self.text.push_str(&text[at..at + plain]);
            at += plain;
            if at >= end {
                break;
            }
            if bytes[at] == b'`' {
                let span = code_span(&text[at..end]);
                self.text.push_str(&text[at..at + span]);
                at += span;
            } else if let Some((source, written)) = tag(&text[at..end]) {
                self.hide(source, Meaning::Tag(written));
                at += source.len();
            } else if matches!(bytes[at], b'~' | b'*' | b'_') {
                let (mark, length) = (bytes[at], markers::run(&text[at..end], bytes[at]));
                if mark == b'~' && length != 2 {
                    // Only two strike out: `3~5쪽`, `좋아요~!`.
                    self.text.extend(std::iter::repeat_n(literal('~'), length));
                } else {
                    if mark != b'~' {
                        runs.push(Run { at: self.text.len(), length, mark });
                    }
                    self.text.push_str(&text[at..at + length]);
                }
                at += length;
            } else if let Some(after) = link::bare(&text[..end], at) {
                self.hide(&text[at..after], Meaning::Address);
                at = after;
            } else if let Some(Formula { latex, end: after, display, is_doubled }) = formula::find(text, at, one_line) {
                let latex = match content.as_bytes().first() {
                    _ if is_doubled => text[latex].replace("\\\\", "\\"),
                    // A table's cells need `\|` for a bar; in the formula it is only a bar.
                    Some(b'|') => text[latex].replace("\\|", "|"),
                    _ if quoted => unquoted(&text[latex]),
                    _ => text[latex].to_owned(),
                };
                self.hide(&text[at..after], Meaning::Formula { latex, display });
                at = after;
                if at > end {
                    end = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
                }
            } else {
                // A backslash takes the next character with it, and `$$` stays together.
                let pair = bytes[at] == b'\\' || text[at..end].starts_with("$$");
                let length: usize = text[at..end].chars().take(if pair { 2 } else { 1 }).map(char::len_utf8).sum();
                self.text.push_str(&text[at..at + length]);
                at += length;
            }
        }
        at
    }

    fn hide(&mut self, source: &str, meaning: Meaning) {
        self.text.push(OPEN);
        self.text.push_str(&self.hidden.len().to_string());
        self.text.push(CLOSE);
        self.hidden.push(Hidden { source: source.to_owned(), meaning });
    }

    /// Takes text from the parser apart into what it stands for.
    pub(super) fn pieces<'a>(&'a self, mut text: &'a str) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        while let Some(at) = text.find(is_mask) {
            if at > 0 {
                pieces.push(Piece::Text(&text[..at]));
            }
            let mut rest = text[at..].chars();
            match rest.next() {
                Some(c @ '\u{e100}'..) => {
                    let index = (u32::from(c) - LITERALS) as usize - 32;
                    pieces.push(Piece::Text(&ASCII[index..=index]));
                }
                Some(OPEN) => {
                    if let Some((number, after)) = rest.as_str().split_once(CLOSE)
                        && let Some(hidden) = number.parse::<usize>().ok().and_then(|number| self.hidden.get(number))
                    {
                        pieces.push(match &hidden.meaning {
                            Meaning::Tag(html) => Piece::Tag { html, source: &hidden.source },
                            Meaning::Address => Piece::Address(&hidden.source),
                            Meaning::Formula { latex, display } => {
                                Piece::Formula { latex, display: *display, source: &hidden.source }
                            }
                        });
                        rest = after.chars();
                    }
                }
                _ => {}
            }
            text = rest.as_str();
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        pieces
    }

    /// Puts everything back as it was written.
    pub(super) fn source<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if !text.contains(is_mask) {
            return Cow::Borrowed(text);
        }
        let pieces = self.pieces(text).into_iter().map(|piece| match piece {
            Piece::Text(source)
            | Piece::Formula { source, .. }
            | Piece::Tag { source, .. }
            | Piece::Address(source) => source,
        });
        Cow::Owned(pieces.collect())
    }
}

/// The stand-in of a printable ASCII character that must not act as Markdown.
fn literal(c: char) -> char {
    char::from_u32(LITERALS + u32::from(c)).unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn is_mask(c: char) -> bool {
    matches!(c, OPEN | CLOSE | NOTHING | '\u{e120}'..='\u{e17e}')
}

/// Characters that turn the direction of writing and can make a text read as another. Nobody needs them in an answer:
/// browsers order right-to-left text without them.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Line ends as `\n`; no byte order marks, NUL, stray carriage returns, characters that turn the direction of writing or
/// that the mask uses.
pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    let is_changed = |c| matches!(c, '\r' | '\0' | '\u{feff}') || is_mask(c) || turns_direction(c);
    if !text.contains(is_changed) {
        return Cow::Borrowed(text);
    }
    let unix = text.replace("\r\n", "\n");
    let clean = unix.chars().filter(|&c| c != '\u{feff}' && !turns_direction(c)).map(|c| match c {
        '\r' => ' ',
        c if c == '\0' || is_mask(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    });
    Cow::Owned(clean.collect())
}

/// Bytes of the code span at the start of `line`, or of its backticks if they close nowhere on the line.
fn code_span(line: &str) -> usize {
    let length = markers::run(line, b'`');
    let mut at = length;
    while let Some(next) = line[at..].find('`') {
        at += next;
        let closing = markers::run(&line[at..], b'`');
        at += closing;
        if closing == length {
            return at;
        }
    }
    length
}

fn tag(text: &str) -> Option<(&str, &'static str)> {
    TAGS.iter().find_map(|&(written, put_out)| {
        let found = text.get(..written.len())?;
        found.eq_ignore_ascii_case(written).then_some((found, put_out))
    })
}

/// Whether a line's content begins, or may begin, a reference definition: `[label]:`, or a label that goes on below.
fn may_define(content: &str) -> bool {
    let mut bytes = content.bytes().enumerate();
    if bytes.next().is_none_or(|(_, first)| first != b'[') {
        return false;
    }
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'\\' => drop(bytes.next()),
            b'[' => return false,
            b']' => return content[at + 1..].starts_with(':'),
            _ => {}
        }
    }
    true
}

fn is_autolink(content: &str) -> bool {
    ["<http://", "<https://", "<mailto:"]
        .iter()
        .any(|start| content.get(..start.len()).is_some_and(|s| s.eq_ignore_ascii_case(start)))
}

/// A formula from a block quote without the quote signs of its later lines.
fn unquoted(latex: &str) -> String {
    let lines = latex.split('\n').enumerate();
    let lines = lines.map(|(n, line)| if n == 0 { line } else { line.trim_start_matches([' ', '\t', '>']) });
    lines.collect::<Vec<_>>().join("\n")
}
