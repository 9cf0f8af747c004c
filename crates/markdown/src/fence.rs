//! Fenced code blocks: their opening and closing lines (CommonMark 0.31 §4.5).
//!
//! The Markdown parser decides where code ends. It reads a masked text, though, and masking must leave code alone, so it
//! needs to know before the parser which lines are code. Blocks of Markdown that hold code, as models write them, are not
//! CommonMark: here is decided how they are meant, and the mask makes the parser read them so.

use super::hangul::is_hangul;
use super::markers::{self, run};

/// The opening line of a fenced code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    mark: u8,
    length: usize,
    /// The code is Markdown, which may contain fenced code itself.
    markdown: bool,
    /// A fence inside the Markdown is open.
    nested: bool,
    /// The line above is one that introduces a code block: it is blank or ends with a colon.
    introduced: bool,
}

/// What a line is to an open fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FenceLine {
    /// Code.
    Code,
    /// Code, although it looks like the closing or opening line of a fence.
    NestedFence,
    /// The closing line.
    Closing,
    /// The closing line, or the opening line of a block inside Markdown: the lines below it decide.
    Undecided,
}

/// Number of lines below a fence without a language that are read to decide whether it opens a block.
const MAX_LINES_AHEAD: usize = 100;

impl Fence {
    /// Reads the fence that `text` (without its indentation) opens, if it opens one.
    pub(super) fn open(text: &str) -> Option<Self> {
        let mark = *text.as_bytes().first()?;
        if !matches!(mark, b'`' | b'~') {
            return None;
        }
        let length = run(text, mark);
        let info = &text[length..];
        // `~~~ 여기까지 ~~~` is a line somebody drew, and `~~~ 방학이다!` is cheering.
        let is_text = info.contains(char::from(mark)) || mark == b'~' && info.contains(is_hangul);
        let language = info.split_whitespace().next().unwrap_or_default();
        let markdown = ["markdown", "md"].iter().any(|name| language.eq_ignore_ascii_case(name));
        (length >= 3 && !is_text).then_some(Self { mark, length, markdown, nested: false, introduced: true })
    }

    /// Reads a line (without its indentation) below this fence.
    ///
    /// In a block of Markdown, a fence with a language opens a block inside, and the next closing line belongs to that:
    /// models write this without making the outer fence longer. For a fence without a language the answer is
    /// [`FenceLine::Undecided`], and the caller asks [`opens_nested`](Self::opens_nested).
    pub(super) fn line(&mut self, text: &str) -> FenceLine {
        let introduced = std::mem::replace(&mut self.introduced, introduces_code(text));
        match (self.kind(text), self.nested) {
            (Kind::Text, _) | (Kind::Named, true) => FenceLine::Code,
            (Kind::Named, false) if !self.markdown => FenceLine::Code,
            (Kind::Named, false) => {
                self.nested = true;
                FenceLine::NestedFence
            }
            (Kind::Bare, true) => {
                self.nested = false;
                FenceLine::NestedFence
            }
            (Kind::Bare, false) if self.markdown => {
                self.introduced = introduced;
                FenceLine::Undecided
            }
            (Kind::Bare, false) => FenceLine::Closing,
        }
    }

    /// Whether the undecided line that was read last opens a block inside the Markdown. `below` are the lines below it
    /// (without indentation); `at_end`: no line follows them. Returns `None` if more lines are needed.
    ///
    /// Both readings are valid Markdown in most texts, so the lines around the fences decide. Models leave a blank line
    /// below a closing fence and none below an opening one.
    pub(super) fn opens_nested<'t>(&self, below: impl Iterator<Item = &'t str> + Clone, at_end: bool) -> Option<bool> {
        let undecided = if at_end { Some(false) } else { None };
        let mut lines = below.take(MAX_LINES_AHEAD + 1);
        let Some(first) = lines.next() else { return undecided };
        if markers::is_blank(first) || self.kind(first) != Kind::Text {
            return Some(false);
        }
        let (mut above, mut count) = (first, 1);
        let next = loop {
            let Some(line) = lines.next() else {
                return if count > MAX_LINES_AHEAD { Some(false) } else { undecided };
            };
            count += 1;
            match self.kind(line) {
                Kind::Text => above = line,
                // Nested blocks would have closed first.
                Kind::Named => return Some(false),
                Kind::Bare => break lines.next(),
            }
        };
        // The next fence without a language closes the block, or it opens one itself.
        match next {
            None if !at_end && count <= MAX_LINES_AHEAD => None,
            _ if markers::is_blank(above) => Some(false),
            None => Some(true),
            Some(next) if markers::is_blank(next) || self.kind(next) == Kind::Bare || markers::is_heading(next) => {
                Some(true)
            }
            Some(_) => Some(self.introduced || !ends_sentence(above)),
        }
    }

    /// Reads the undecided line as the opening of a block inside the Markdown.
    pub(super) fn open_nested(&mut self) {
        self.nested = true;
    }

    /// Whether the line above the undecided line introduces a code block.
    pub(super) fn is_introduced(&self) -> bool {
        self.introduced
    }

    fn kind(&self, text: &str) -> Kind {
        let length = run(text, self.mark);
        if length < self.length {
            Kind::Text
        } else if markers::is_blank(&text[length..]) {
            Kind::Bare
        } else if Self::open(text).is_some() {
            Kind::Named
        } else {
            Kind::Text
        }
    }
}

/// A line inside a fenced block of Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// A fence without a language.
    Bare,
    /// A fence with a language.
    Named,
}

fn introduces_code(line: &str) -> bool {
    markers::is_blank(line) || line.trim_end().trim_end_matches('*').ends_with([':', '：'])
}

/// Whether a line ends as a sentence does, which code hardly does.
fn ends_sentence(line: &str) -> bool {
    let end = line.trim_end().trim_end_matches(['*', '_', ')', '"', '”', '~']);
    end.ends_with(['.', '!', '?', ':', '…'])
}

/// Follows the lines of a text and knows which belong to fenced code, inside lists and quotes too.
///
/// Where a list or quote ends is judged by the line's beginning alone. A wrong guess does little harm: a mask that ends up
/// in code is replaced by its source.
#[derive(Debug, Default)]
pub(super) struct FencedCode {
    open: Option<Opened>,
    /// A list may be open, so that four columns of white space need not mean code.
    list: bool,
    /// The line before was blank.
    blank: bool,
    /// The last line is a fence inside a block of Markdown.
    nested: bool,
    /// A line was read as a fence or as code by a guess, which lines that are still to come may refute.
    undecided: bool,
}

#[derive(Debug)]
struct Opened {
    fence: Fence,
    /// The fence stands in a block quote.
    quoted: bool,
    /// Columns a line needs to stay inside the list item that holds the fence.
    indent: usize,
}

impl FencedCode {
    /// Reads the next line; true if it belongs to fenced code, fences included. `below` is the text below the line, and
    /// `finished` is false if the text is still arriving.
    pub(super) fn line(&mut self, line: &str, below: &str, finished: bool) -> bool {
        self.nested = false;
        if let Some(mut open) = self.open.take_if(|open| open.holds(line)) {
            let (read, undecided) = open.line(line, below, finished);
            self.nested = read == FenceLine::NestedFence;
            self.undecided |= undecided;
            if read != FenceLine::Closing {
                self.open = Some(open);
            }
            return true;
        }
        let prefix = markers::container_prefix(line).0;
        let quoted = line[..prefix].contains('>');
        let item = !quoted && line[..prefix].contains(|c| !matches!(c, ' ' | '\t'));
        let indent = markers::indent(line).0;
        let blank = std::mem::replace(&mut self.blank, markers::is_blank(line));
        if indent >= 4 && !self.list {
            return false;
        }
        if item {
            self.list = true;
        } else if blank && indent < 2 && !self.blank {
            self.list = false;
        }
        self.open = Fence::open(&line[prefix..]).map(|fence| {
            let indent = if item { prefix } else { indent.min(2) };
            Opened { fence, quoted, indent: if self.list { indent } else { 0 } }
        });
        self.open.is_some()
    }

    /// Whether the last line is a fence inside a block of Markdown, and so code.
    pub(super) fn is_nested_fence(&self) -> bool {
        self.nested
    }

    /// Whether lines that are still to come may change how a line was read.
    pub(super) fn is_undecided(&self) -> bool {
        self.undecided
    }

    /// Whether code is open after the lines read so far.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }
}

impl Opened {
    fn holds(&self, line: &str) -> bool {
        let (indent, at) = markers::indent(line);
        if self.quoted { line[at..].starts_with('>') } else { indent >= self.indent || markers::is_blank(line) }
    }

    /// Reads a line. Also returns whether the result is a guess.
    fn line(&mut self, line: &str, below: &str, finished: bool) -> (FenceLine, bool) {
        let read = self.fence.line(self.content(line));
        if read != FenceLine::Undecided {
            return (read, false);
        }
        let lines = below.split_inclusive('\n').take_while(|line| self.holds(line)).map(|line| self.content(line));
        // While the text arrives, a block that looks like an introduced one is shown as one.
        let guess = || self.fence.is_introduced() && lines.clone().next().is_some();
        let decided = self.fence.opens_nested(lines.clone(), finished);
        let read = if decided.unwrap_or_else(guess) {
            self.fence.open_nested();
            FenceLine::NestedFence
        } else {
            FenceLine::Closing
        };
        (read, decided.is_none())
    }

    /// A line without the white space and the quote signs that it begins with.
    fn content<'l>(&self, line: &'l str) -> &'l str {
        line.trim_start_matches(|c: char| matches!(c, ' ' | '\t') || (self.quoted && c == '>'))
    }
}
