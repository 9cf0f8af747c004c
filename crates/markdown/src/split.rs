//! Where a text may be cut so that each part, rendered alone, looks as it does in the whole.
//!
//! A cut is made only where CommonMark's block parser certainly has no block open, and never taken back. The decision
//! rests on finished lines alone, so it does not depend on how the text arrived. In doubt there is no cut: two blocks
//! rendered together are still right, one block torn apart is not.

use super::fence::{Fence, FenceLine};
use super::{markers, mask};

/// Follows the lines of a text and says where it may be cut.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    state: State,
}

/// What is open at the top level of the document.
#[derive(Debug, Default)]
enum State {
    /// Nothing.
    #[default]
    NothingOpen,
    /// A fenced code block, which only its closing line ends.
    Fence(Fence),
    /// A fenced block of Markdown, and below it a fence that closes it or opens a block inside. `below` are the lines since.
    Undecided { fence: Fence, below: Vec<String> },
    /// Anything that a blank line may end.
    Open(Open),
    /// Something whose end cannot be told from the lines alone: no cut until the end of the text.
    Unclear,
}

#[derive(Debug, Default)]
struct Open {
    /// Columns a line needs to belong to the item of the open list.
    item: Option<usize>,
    /// A line since the last cut looked like a list item, so a list may be open.
    list: bool,
    /// The line before was certainly a paragraph's, at the top level.
    paragraph: bool,
    /// Nothing is open but what a line of text cannot continue, so that one would begin a paragraph.
    fresh: bool,
    /// Whether the item is still open, or ever was one, cannot be told: a line stood where it either continues a paragraph
    /// inside the list or ends the list, or what looks like an item may be a formula's line.
    uncertain: bool,
    /// A formula may have begun that runs over lines.
    formula: bool,
    /// The line before was blank.
    blank: bool,
    /// The item has nothing but its marker yet; a blank line ends it.
    empty: bool,
}

/// Where the text may be cut around a line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    /// Directly before the line.
    pub before: bool,
    /// Directly after it.
    pub after: bool,
}

impl Splitter {
    /// Reads the next finished line, with its line end.
    pub(super) fn line(&mut self, line: &str) -> Cut {
        let line = &*mask::normalise(line);
        let blank = markers::is_blank(line);
        match &mut self.state {
            State::Unclear => Cut::default(),
            State::NothingOpen if blank => Cut::default(),
            State::NothingOpen => self.start(line),
            State::Fence(fence) => {
                let (indent, at) = markers::indent(line);
                let read = if indent < 4 { fence.line(&line[at..]) } else { FenceLine::Code };
                match read {
                    FenceLine::Closing => self.state = State::NothingOpen,
                    FenceLine::Undecided => self.state = State::Undecided { fence: *fence, below: Vec::new() },
                    FenceLine::Code | FenceLine::NestedFence => {}
                }
                Cut { before: false, after: read == FenceLine::Closing }
            }
            State::Undecided { fence, below } => {
                let mut fence = *fence;
                below.push(line.to_owned());
                let contents = below.iter().map(|line| line.trim_start_matches([' ', '\t']));
                let Some(nested) = fence.opens_nested(contents, false) else { return Cut::default() };
                let below = std::mem::take(below);
                self.state = if nested {
                    fence.open_nested();
                    State::Fence(fence)
                } else {
                    State::NothingOpen
                };
                // The lines are read again with what is known now. Only around the last of them a cut is still possible,
                // which is before it too if the fence above it closed the block.
                let is_first = !nested && below.len() == 1;
                let cut = below.iter().fold(Cut::default(), |_, line| self.line(line));
                Cut { before: cut.before || is_first, ..cut }
            }
            State::Open(open) if blank => {
                open.blank = true;
                if open.empty {
                    open.item = None;
                }
                open.paragraph = false;
                Cut::default()
            }
            State::Open(open) if open.is_ended_by(line) => {
                self.state = State::NothingOpen;
                Cut { before: true, ..self.start(line) }
            }
            State::Open(_) => {
                self.continue_block(line);
                Cut::default()
            }
        }
    }

    /// Whether the line that has begun with `start` certainly begins a new block, whatever follows.
    /// If so, the text is cut before it.
    pub(super) fn starts_new_block(&mut self, start: &str) -> bool {
        let State::Open(open) = &self.state else { return false };
        let start = &*mask::normalise(start);
        if markers::is_blank(start) {
            return false;
        }
        // A number may still become that of an item, or a date.
        let may_be_item = start.trim_start().bytes().all(|b| b.is_ascii_digit() || b".) \t".contains(&b));
        let is_new = open.blank && !may_be_item && open.is_ended_by(start);
        if is_new {
            self.state = State::NothingOpen;
        }
        is_new
    }

    /// A line with nothing open above it.
    fn start(&mut self, line: &str) -> Cut {
        let (indent, at) = markers::indent(line);
        let text = &line[at..];
        let mut open = Open { fresh: indent >= 4, formula: may_open_formula(line), ..Open::default() };
        if indent < 4 {
            if markers::is_heading(text) || markers::is_rule(text) {
                return Cut { before: false, after: true };
            }
            if let Some(fence) = Fence::open(text) {
                self.state = State::Fence(fence);
                return Cut::default();
            }
            if let Some(marker) = markers::list_marker(text, indent) {
                open.item = Some(indent + marker.offset);
                open.empty = marker.empty;
                open.list = true;
            } else {
                open.paragraph = !text.starts_with('>');
            }
        }
        self.state = State::Open(open);
        Cut::default()
    }

    /// A line that may belong to what is open.
    fn continue_block(&mut self, line: &str) {
        let State::Open(open) = &mut self.state else { return };
        open.blank = false;
        open.empty = false;
        open.formula |= may_open_formula(line);
        let (indent, at) = markers::indent(line);
        let text = &line[at..];
        let fence = Fence::open(text);
        if open.item.is_some_and(|item| indent >= item) {
            if open.uncertain && indent < 4 && fence.is_some() {
                self.state = State::Unclear;
            }
            return;
        }
        if indent >= 4 {
            return;
        }
        if let Some(fence) = fence {
            self.state = State::Fence(fence);
        } else if markers::is_heading(text) || markers::is_rule(text) {
            open.item = None;
            open.paragraph = false;
            open.fresh = true;
        } else if let Some(marker) = markers::list_marker(text, indent) {
            open.list = true;
            if !open.paragraph || marker.interrupts {
                open.item = Some(indent + marker.offset);
                open.empty = marker.empty;
                open.paragraph = false;
                open.fresh = false;
                open.uncertain = open.formula;
            } else if is_underline(text) {
                open.paragraph = false;
            }
        } else {
            open.paragraph = (open.paragraph || open.fresh) && !is_underline(text);
            open.fresh = false;
            open.uncertain = open.item.is_some();
        }
    }
}

impl Open {
    /// Whether the line, which is not blank, certainly begins a new block at the top level.
    fn is_ended_by(&self, line: &str) -> bool {
        let (indent, at) = markers::indent(line);
        let text = &line[at..];
        // The text of a list item stands at least two columns in.
        if indent > if self.list { 1 } else { 3 } {
            return false;
        }
        if Fence::open(text).is_some() || markers::is_heading(text) {
            return true;
        }
        self.blank && !(self.list && markers::list_marker(text, indent).is_some())
    }
}

/// Whether a delimiter stands in the line that can open a formula of several lines.
fn may_open_formula(line: &str) -> bool {
    ["$$", "\\(", "\\["].iter().any(|open| line.contains(open))
}

/// A line of only `-`, `=`, `|` and `:`: it may turn the paragraph above into a heading or a table.
fn is_underline(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'-' | b'=' | b'|' | b':' | b' ' | b'\t' | b'\r' | b'\n'))
}

/// The parts of a whole text.
#[cfg(test)]
pub(super) fn parts(text: &str) -> Vec<&str> {
    let (mut splitter, mut parts, mut from, mut at) = (Splitter::default(), Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        let cut = splitter.line(line);
        if cut.before {
            parts.push(&text[from..at]);
            from = at;
        }
        at += line.len();
        if cut.after {
            parts.push(&text[from..at]);
            from = at;
        }
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn a_text_is_cut_between_blocks_and_never_inside_one() {
        for (text, expected) in [
            ("하나\n\n둘\n\n셋", vec!["하나", "둘", "셋"]),
            ("# 제목\n글\n글", vec!["# 제목", "글\n글"]),
            ("글\n# 제목\n글", vec!["글", "# 제목", "글"]),
            ("- 가\n\n- 나\n\n  이어서\n\n끝", vec!["- 가\n\n- 나\n\n  이어서", "끝"]),
            (
                "1. 가\n   ```\n   x\n\n   y\n   ```\n2. 나\n\n끝",
                vec!["1. 가\n   ```\n   x\n\n   y\n   ```\n2. 나", "끝"],
            ),
            ("```\n\n# 제목\n\n```\n글", vec!["```\n\n# 제목\n\n```", "글"]),
            ("글:\n```py\nx\n```\n끝", vec!["글:", "```py\nx\n```", "끝"]),
            ("````\n```\n\n````\n끝", vec!["````\n```\n\n````", "끝"]),
            ("> 인용\n이어서\n\n끝", vec!["> 인용\n이어서", "끝"]),
            ("제목\n---\n글", vec!["제목\n---\n글"]),
            ("    코드\n\n    코드\n\n끝", vec!["코드\n\n    코드", "끝"]),
            ("| a |\n|---|\n| b |\n\n끝", vec!["| a |\n|---|\n| b |", "끝"]),
            ("글\n\n---\n\n글", vec!["글", "---", "글"]),
            ("- 가\n```\n\n끝", vec!["- 가", "```\n\n끝"]),
            ("```md\n가\n```\n\n나", vec!["```md\n가\n```", "나"]),
            ("```md\n가\n```\n나\n\n다", vec!["```md\n가\n```\n나\n\n다"]),
            ("```md\n가:\n\n```\n나\n```\n\n다\n```\n\n라", vec!["```md\n가:\n\n```\n나\n```\n\n다\n```", "라"]),
        ] {
            let parts: Vec<_> = parts(text).into_iter().map(str::trim).filter(|part| !part.is_empty()).collect();
            assert_eq!(parts, expected, "{text:?}");
        }
    }
}
