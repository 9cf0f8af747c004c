//! What is taken out of a text before the Markdown parser sees it, and put back when HTML is written.
//!
//! Formulas are full of `*`, `_`, `|` and line beginnings that mean something else in Markdown, raw HTML would open
//! blocks that swallow the text after them, and reference definitions would vanish from the page. So each formula (and
//! each of the few allowed tags) is replaced by a numbered token of private-use characters, and a `<` or `[` that could
//! begin an HTML block or a definition by a single such character. So are the marks of Markdown that are only characters
//! in Korean school text: `~` in `3~5쪽`, `*` in `3*4`, the dot of a date. A token that ends up in code or in an address turns
//! back into its source there, so being wrong about what is code does no harm.

use super::emphasis::{self, Run};
use super::fence::FencedCode;
use super::formula::{self, Formula};
use super::table::{self, Tables};
use super::{link, markers};
use std::borrow::Cow;

const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';
const LESS: char = '\u{e002}';
const BRACKET: char = '\u{e003}';
const TILDE: char = '\u{e004}';
const STAR: char = '\u{e005}';
const UNDERSCORE: char = '\u{e006}';
const DOT: char = '\u{e007}';
const PARENTHESIS: char = '\u{e008}';
const BAR: char = '\u{e009}';
const BACKTICK: char = '\u{e00a}';
/// Nothing, but a letter to the parser.
const LETTER: char = '\u{e00b}';
/// Nothing, but white space to the parser.
const SPACE: char = '\u{2028}';

/// What a single character of the mask stands for.
fn unmasked(c: char) -> Option<&'static str> {
    Some(match c {
        LESS => "<",
        BRACKET => "[",
        TILDE => "~",
        STAR => "*",
        UNDERSCORE => "_",
        DOT => ".",
        PARENTHESIS => ")",
        BAR => "|",
        BACKTICK => "`",
        LETTER | SPACE => "",
        _ => return None,
    })
}

/// The characters that the mask uses.
fn is_mask(c: char) -> bool {
    matches!(c, OPEN..=LETTER | SPACE)
}

/// A text ready for the Markdown parser.
#[derive(Debug, Default)]
pub(super) struct Masked {
    /// The text with tokens.
    pub text: String,
    hidden: Vec<Token>,
    /// For each line of `text`, the number of the line of the source that it begins in. A formula that runs over lines
    /// makes one line of several, and a line may be added below a table.
    source_lines: Vec<usize>,
    /// Lines that are still to come may change how the text is masked.
    undecided: bool,
}

/// Something that was replaced by a token.
#[derive(Debug)]
struct Token {
    source: String,
    meaning: TokenKind,
}

#[derive(Debug)]
enum TokenKind {
    Formula {
        latex: String,
        display: bool,
    },
    Tag(&'static str),
    /// A bare address; with `www`, its scheme is left out.
    Address {
        www: bool,
    },
    /// An escaped character that would still mean something to the parser.
    Character,
}

/// A stretch of text the parser gave back.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// Plain text.
    Text(&'a str),
    /// A formula; `source` is it with its delimiters.
    Formula { latex: &'a str, display: bool, source: &'a str },
    /// A bare address; with `www`, its scheme is left out.
    Address { source: &'a str, www: bool },
    /// One of the allowed tags: as it is put out, and as it was written.
    Tag { html: &'static str, source: &'a str },
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

/// Faces of marks alone.
const FACES: [&str; 3] = ["*_*", "*-*", "*.*"];

impl Masked {
    /// Masks a text. Line ends become `\n`; characters that the mask itself uses, and NUL, become U+FFFD.
    /// `finished` is false if the text is still arriving.
    pub(super) fn new(text: &str, finished: bool) -> Self {
        let mut masked = Self::default();
        masked.add(text, finished);
        // Without a line end, the parser takes a last line of `1.` for text.
        if !masked.text.ends_with('\n') {
            masked.text.push('\n');
        }
        masked
    }

    /// Masks a text and appends it.
    pub(super) fn add(&mut self, text: &str, finished: bool) {
        let clean = normalise(text);
        self.text.reserve(clean.len());
        let (mut code, mut tables) = (FencedCode::default(), Tables::default());
        let (mut at, mut source_line) = (0, 0);
        while at < clean.len() {
            let end = clean[at..].find('\n').map_or(clean.len(), |length| at + length + 1);
            let line = &clean[at..end];
            let prefix = markers::container_prefix(line).0;
            let content = &line[prefix..];
            let (start, line_at) = (self.text.len(), at);
            self.source_lines.push(source_line);
            let is_code = code.line(line, &clean[end..], finished);
            if !is_code && is_lone_dash(line, &clean[..at]) {
                self.text.push(LETTER);
            }
            self.text.push_str(&line[..prefix]);
            if !is_code && let Some(level) = markers::heading_without_space(line) {
                self.text.extend([&content[..level], " "]);
                at = self.inline(&clean, at, prefix, at + prefix + level, end);
                source_line += 1;
                continue;
            }
            let masked = self.text.len();
            // On every line, code or not: what is code is only guessed here, and in code it changes nothing.
            let from = at + prefix + self.opening(content);
            // A line of "```" that is no fence, for a backtick further on, would be one if that backtick went with a formula.
            at = if is_code || content.starts_with("```") {
                if code.is_nested_fence() {
                    self.text.push(LETTER);
                }
                self.text.push_str(&clean[from..end]);
                tables.end(&mut self.text);
                end
            } else {
                let next = self.inline(&clean, at, prefix, from, end);
                if tables.line(&mut self.text, start, masked) {
                    self.source_lines.push(source_line);
                }
                next
            };
            source_line += clean[line_at..at].bytes().filter(|&byte| byte == b'\n').count();
        }
        tables.end(&mut self.text);
        self.undecided |= code.is_undecided();
    }

    /// The number of the line of the source that a line of the text begins in. Both count from 0.
    pub(super) fn source_line(&self, line: usize) -> Option<usize> {
        self.source_lines.get(line).copied()
    }

    /// Whether lines that are still to come may change how the text is masked.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// Masks what could begin a definition or HTML at the start of a line's content; gives the bytes it took.
    fn opening(&mut self, content: &str) -> usize {
        if let Some(digits) = markers::number_as_text(content) {
            self.text.push_str(&content[..digits]);
            self.text.push(if content[digits..].starts_with('.') { DOT } else { PARENTHESIS });
            return digits + 1;
        }
        if table::is_lone_dashes(content) || markers::is_sum(content) {
            self.text.push(LETTER);
            return 0;
        }
        if may_define(content) {
            self.text.push(BRACKET);
        } else if content.starts_with('<') && !is_autolink(content) && tag(content).is_none() {
            self.text.push(LESS);
        } else {
            return 0;
        }
        1
    }

    /// Masks formulas and tags from `at` to the end of the line that begins at `start`; gives the place to go on from,
    /// which is further down if a formula runs over the line's end.
    fn inline(&mut self, text: &str, start: usize, prefix: usize, mut at: usize, mut end: usize) -> usize {
        let content = &text[start + prefix..end];
        let one_line = content.starts_with(['#', '|']);
        let quoted = text[start..start + prefix].contains('>');
        let bytes = text.as_bytes();
        let mut marks = emphasis::Line::new(&text[at..end]);
        let last_closing = text[at..end].rfind("\\)").map(|closing| at + closing);
        while at < end {
            let special =
                |b: &u8| matches!(b, b'`' | b'$' | b'\\' | b'<' | b'*' | b'_' | b'~' | b'h' | b'H' | b'w' | b'W');
            let plain = bytes[at..end].iter().take_while(|b| !special(b)).count();
            self.text.push_str(&text[at..at + plain]);
            at += plain;
            if at >= end {
                break;
            }
            if bytes[at] == b'`' {
                let span = &text[at..at + code_span(&text[at..end])];
                if content.starts_with('|') && !span.contains(" | ") && !span.contains("\\|") {
                    self.text.extend(span.chars().map(|c| if c == '|' { BAR } else { c }));
                } else {
                    self.text.push_str(span);
                }
                at += span.len();
            } else if matches!(bytes[at], b'*' | b'_' | b'~') {
                at += self.emphasis(&mut marks, &text[..end], start + prefix, at);
            } else if bytes[at].is_ascii_alphabetic() {
                if let Some(length) = link::spaced_destination(&text[start..end], at - start) {
                    self.hide(&text[at..at + length].trim_end().replace(' ', "%20"), TokenKind::Address { www: false });
                    at += length;
                } else if let Some((range, www)) = link::bare(&text[..end], at) {
                    self.hide(&text[range.clone()], TokenKind::Address { www });
                    at = range.end;
                } else {
                    self.text.push(char::from(bytes[at]));
                    at += 1;
                }
            } else if text[at..end].starts_with("\\@") {
                self.hide("\\@", TokenKind::Character);
                at += 2;
            } else if let Some((source, written)) = tag(&text[at..end]) {
                self.hide(source, TokenKind::Tag(written));
                at += source.len();
            } else if let Some(Formula { latex, end: after, display }) = formula::find(text, at, one_line) {
                let latex = match content.as_bytes().first() {
                    // A table's cells need `\|` for a bar; in the formula it is only a bar.
                    Some(b'|') => text[latex].replace("\\|", "|"),
                    _ if text[at..].starts_with("\\\\") => text[latex].replace("\\\\", "\\"),
                    _ if quoted => unquoted(&text[latex]),
                    _ => text[latex].to_owned(),
                };
                self.hide(&text[at..after], TokenKind::Formula { latex, display });
                at = after;
                if at > end {
                    end = text[at..].find('\n').map_or(text.len(), |length| at + length + 1);
                }
            } else {
                // The beginning of a formula that has no end is shown as it was written.
                if text[at..end].starts_with("\\(") && last_closing.is_none_or(|closing| closing < at) {
                    self.text.push('\\');
                }
                // A backslash takes the next character with it, and `$$` stays together.
                let pair = bytes[at] == b'\\' || text[at..end].starts_with("$$");
                let length: usize = text[at..end].chars().take(if pair { 2 } else { 1 }).map(char::len_utf8).sum();
                self.text.push_str(&text[at..at + length]);
                at += length;
            }
        }
        at
    }

    /// Masks a run of emphasis marks where the parser would misread it; gives its length.
    fn emphasis(&mut self, marks: &mut emphasis::Line, text: &str, line: usize, at: usize) -> usize {
        let mark = text.as_bytes()[at];
        let name = python_name(&text[at..]);
        if !name.is_empty() {
            self.text.extend(name.chars().map(|c| if c == '_' { UNDERSCORE } else { c }));
            return name.len();
        }
        let line = line.min(at);
        let face = FACES.into_iter().find(|face| text[at..].starts_with(*face));
        let face = face.unwrap_or_else(|| emphasis::face_in_brackets(&text[line..], at - line));
        if !face.is_empty() {
            self.text.extend(face.chars().map(|c| match c {
                '*' => STAR,
                '_' => UNDERSCORE,
                '~' => TILDE,
                '`' => BACKTICK,
                c => c,
            }));
            return face.len();
        }
        let length = markers::run(&text[at..], mark);
        let before = text[line..at].chars().next_back();
        let after_token = self.text.ends_with(CLOSE);
        let run = if mark == b'*' && emphasis::is_in_face_or_glob(&text[line..], at - line, length) {
            marks.skip((mark, length))
        } else {
            marks.run((mark, length), before, text[at + length..].chars().next(), after_token)
        };
        let written = &text[at..at + length];
        match run {
            Run::Parsed => self.text.push_str(written),
            Run::Literal => {
                let masked = match mark {
                    b'*' => STAR,
                    b'_' => UNDERSCORE,
                    _ => TILDE,
                };
                self.text.extend(std::iter::repeat_n(masked, length));
            }
            Run::Opens => {
                self.text.push(SPACE);
                self.text.push_str(written);
            }
            Run::ClosesAndOpens => self.text.extend(["**", SPACE.encode_utf8(&mut [0; 4]), "**"]),
            Run::OpensBeforeSpace => {
                self.text.push_str(written);
                self.text.push(LETTER);
            }
            Run::Closes { after_space } => {
                if after_space {
                    self.text.push(LETTER);
                }
                self.text.push_str(written);
                self.text.push(SPACE);
            }
        }
        length
    }

    fn hide(&mut self, source: &str, meaning: TokenKind) {
        self.text.push(OPEN);
        self.text.push_str(&self.hidden.len().to_string());
        self.text.push(CLOSE);
        self.hidden.push(Token { source: source.to_owned(), meaning });
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
                Some(OPEN) => {
                    if let Some((number, after)) = rest.as_str().split_once(CLOSE)
                        && let Some(hidden) = number.parse::<usize>().ok().and_then(|number| self.hidden.get(number))
                    {
                        pieces.push(match &hidden.meaning {
                            TokenKind::Address { www } => Piece::Address { source: &hidden.source, www: *www },
                            TokenKind::Character => Piece::Text(&hidden.source[1..]),
                            TokenKind::Tag(html) => Piece::Tag { html, source: &hidden.source },
                            TokenKind::Formula { latex, display } => {
                                Piece::Formula { latex, display: *display, source: &hidden.source }
                            }
                        });
                        rest = after.chars();
                    }
                }
                Some(c) => pieces.extend(unmasked(c).filter(|text| !text.is_empty()).map(Piece::Text)),
                None => {}
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
            | Piece::Address { source, .. }
            | Piece::Tag { source, .. } => source,
        });
        Cow::Owned(pieces.collect())
    }
}

/// Line ends as `\n`; no byte order marks, NUL, stray carriage returns or characters that the mask uses.
pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| matches!(c, '\r' | '\0' | '\u{feff}' | '\u{2029}') || is_mask(c)) {
        return Cow::Borrowed(text);
    }
    let unix = text.replace("\r\n", "\n");
    let clean = unix.chars().filter(|&c| c != '\u{feff}').map(|c| match c {
        '\r' | SPACE | '\u{2029}' => ' ',
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

/// Whether the line is a single dash below a line of text. As the mark of an empty item it could not stand there, and the
/// parser would read a table.
fn is_lone_dash(line: &str, before: &str) -> bool {
    if line.trim() != "-" {
        return false;
    }
    let above = before.strip_suffix('\n').unwrap_or(before).rsplit('\n').next().unwrap_or_default();
    !markers::is_blank(above) && markers::container_prefix(above).1 == 0
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

/// The name of Python's own that begins `text`, such as `__init__`; empty if none does. It's no emphasis.
fn python_name(text: &str) -> &str {
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let name = text.strip_prefix("__").and_then(|rest| rest.split_once("__")).map_or("", |(name, _)| name);
    if is_name(name) { &text[..name.len() + 4] } else { "" }
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
