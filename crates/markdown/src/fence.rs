//! Fenced code blocks: their opening and closing lines (CommonMark 0.31 §4.5).

use super::emphasis::is_hangul;
use super::markers::{self, run};

/// The opening line of a fenced code block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence {
    mark: u8,
    length: usize,
    /// The code is Markdown, which may hold fenced code itself.
    markdown: bool,
    /// A fence inside Markdown is open.
    nested: bool,
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
        // `~~~ 여기까지 ~~~` is a line somebody drew, and `~~~ 방학이다!` is cheering.
        let is_text = info.contains(char::from(mark)) || mark == b'~' && info.contains(is_hangul);
        let language = info.split_whitespace().next().unwrap_or_default();
        let markdown = ["markdown", "md"].iter().any(|name| language.eq_ignore_ascii_case(name));
        (length >= 3 && !is_text).then_some(Self { mark, length, markdown, nested: false })
    }

    /// Reads a line (without its indentation) below this fence.
    ///
    /// In a block of Markdown, a fence with a language opens a block inside, and the next closing line belongs to that:
    /// models write this without making the outer fence longer.
    pub(super) fn line(&mut self, text: &str) -> FenceLine {
        let length = run(text, self.mark);
        if length < self.length {
            return FenceLine::Code;
        }
        match (markers::is_blank(&text[length..]), self.nested) {
            (true, true) => self.nested = false,
            (true, false) => return FenceLine::Closing,
            (false, false) if self.markdown && Self::open(text).is_some() => self.nested = true,
            (false, _) => return FenceLine::Code,
        }
        FenceLine::NestedFence
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
    /// The last line is a fence inside a block of Markdown.
    nested: bool,
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
        self.nested = false;
        if let Some(mut open) = self.open.take_if(|open| open.holds(line)) {
            let read = open.line(line);
            self.nested = read == FenceLine::NestedFence;
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

    fn line(&mut self, line: &str) -> FenceLine {
        self.fence.line(line.trim_start_matches(|c: char| matches!(c, ' ' | '\t') || (self.quoted && c == '>')))
    }
}
