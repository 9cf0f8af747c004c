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
        // CommonMark allows tildes behind tildes; in Korean `~~~정말~~~` is a sigh.
        (length >= 3 && !info.contains(char::from(mark))).then_some(Self { mark, length })
    }

    /// Whether `text` (without its indentation) closes this fence.
    pub(super) fn is_closed_by(self, text: &str) -> bool {
        let length = run(text, self.mark);
        length >= self.length && markers::is_blank(&text[length..])
    }
}

/// An open fenced code block. One of Markdown may hold others: models write them with fences of the same length, where
/// CommonMark would end the outer one at the end of the first inner one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenFence {
    fence: Fence,
    is_markdown: bool,
    /// How many blocks are open inside.
    nested: usize,
}

/// What a line of an open code block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CodeLine {
    Content,
    /// It looks like the block's end and is the end of a block inside.
    NestedEnd,
    End,
}

impl OpenFence {
    /// Reads the fence that `text` (without its indentation) opens, if it opens one.
    pub(super) fn open(text: &str) -> Option<Self> {
        let fence = Fence::open(text)?;
        let info = text[fence.length..].trim().to_ascii_lowercase();
        Some(Self { fence, is_markdown: matches!(&*info, "markdown" | "md"), nested: 0 })
    }

    /// Reads the next line of the block, without its indentation.
    pub(super) fn line(&mut self, text: &str) -> CodeLine {
        if self.fence.is_closed_by(text) {
            if self.nested == 0 {
                return CodeLine::End;
            }
            self.nested -= 1;
            return CodeLine::NestedEnd;
        }
        let inner = Fence::open(text).filter(|inner| self.is_markdown && inner.mark == self.fence.mark);
        self.nested += usize::from(inner.is_some());
        CodeLine::Content
    }
}

/// What a line is, as far as code goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    Text,
    /// Fenced code, fences included.
    Code,
    /// In fenced code, what would end it and doesn't.
    NestedFence,
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
    fence: OpenFence,
    /// The fence stands in a block quote.
    quoted: bool,
    /// Columns a line needs to stay inside the list item that holds the fence.
    indent: usize,
}

impl FencedCode {
    /// Reads the next line.
    pub(super) fn line(&mut self, line: &str) -> Line {
        if let Some(mut open) = self.open.take_if(|open| open.holds(line)) {
            let read = open.line(line);
            if read != CodeLine::End {
                self.open = Some(open);
            }
            return if read == CodeLine::NestedEnd { Line::NestedFence } else { Line::Code };
        }
        let prefix = markers::container_prefix(line).0;
        let quoted = line[..prefix].contains('>');
        let item = !quoted && line[..prefix].contains(|c| !matches!(c, ' ' | '\t'));
        let indent = markers::indent(line).0;
        let blank = std::mem::replace(&mut self.blank, markers::is_blank(line));
        if indent >= 4 && !self.list {
            return Line::Text;
        }
        if item {
            self.list = true;
        } else if blank && indent < 2 && !self.blank {
            self.list = false;
        }
        self.open = OpenFence::open(&line[prefix..]).map(|fence| {
            let indent = if item { prefix } else { indent.min(2) };
            Opened { fence, quoted, indent: if self.list { indent } else { 0 } }
        });
        if self.open.is_some() { Line::Code } else { Line::Text }
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

    fn line(&mut self, line: &str) -> CodeLine {
        self.fence.line(line.trim_start_matches(|c: char| matches!(c, ' ' | '\t') || (self.quoted && c == '>')))
    }
}
