//! Fenced code blocks: their opening and closing lines (CommonMark 0.31 §4.5).

use super::markers::{self, run};

/// The opening line of a fenced code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    mark: u8,
    length: usize,
}

impl Fence {
    /// Reads the fence that `text` (without its indentation) opens, if it opens one.
    pub(super) fn open(text: &str) -> Option<Self> {
        let mark = *text.as_bytes().first()?;
        if !matches!(mark, b'`' | b'~') {
            return None;
        }
        let length = run(text, mark);
        let info = &text[length..];
        (length >= 3 && !(mark == b'`' && info.contains('`'))).then_some(Self { mark, length })
    }

    /// Whether `text` (without its indentation) closes this fence.
    pub(super) fn is_closed_by(self, text: &str) -> bool {
        let length = run(text, self.mark);
        length >= self.length && markers::is_blank(&text[length..])
    }
}

/// Follows the lines of a text and knows which belong to fenced code, inside lists and quotes too.
///
/// Where a list or quote ends is judged by the line's beginning alone; good enough to leave code alone, not to cut a text.
#[derive(Debug, Default)]
pub(super) struct FencedCode {
    open: Option<Opened>,
    /// A list may be open, so that four columns of white space need not mean code.
    list: bool,
    /// The line before was blank.
    blank: bool,
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
    /// Reads the next line; true if it belongs to fenced code, fences included.
    pub(super) fn line(&mut self, line: &str) -> bool {
        if let Some(open) = self.open.take_if(|open| open.holds(line)) {
            if !open.is_closed_by(line) {
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

    fn is_closed_by(&self, line: &str) -> bool {
        self.fence.is_closed_by(line.trim_start_matches(|c: char| matches!(c, ' ' | '\t') || (self.quoted && c == '>')))
    }
}
