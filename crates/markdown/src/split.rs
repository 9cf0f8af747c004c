//! Where a text may be cut so that each part, rendered alone, looks as it does in the whole.
//!
//! The Markdown parser decides: a cut is made between two blocks at the top level of its tree. It reads the text from the
//! last cut to the end of a line, so the cuts do not depend on how the text arrived, and they are never taken back: a
//! parser that has begun a new block at the top level has closed the blocks before it.
//!
//! The parser reads a masked text (see `mask`), and a formula, which the mask hides, may run over lines. It never runs
//! over a blank line, a heading or a fence, so the text is cut only there.

use super::fence::{Fence, FencedCode};
use super::{block, markers, mask};
use comrak::nodes::{Node, NodeValue};

/// A text without a cut that is longer, in bytes, is not parsed again for each line.
const LONG: usize = 2 * 1024;
/// It is parsed again when it has grown by one part in `GROWTH`, so that the total cost stays proportional to its length.
/// Blocks that end in the meantime stay together.
const GROWTH: usize = 8;

/// Follows the lines of a text and finds the places to cut it.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// The line above is blank, a heading or a fence.
    is_below_end: bool,
    /// The length of the text since the last cut from which the parser is asked again.
    parse_from: usize,
    /// The parser has read the beginning of the unfinished line, which begins no block. Its end is read with the line.
    continues: bool,
}

impl Splitter {
    /// Reads the finished line that begins at `start` of `text`, the text since the last cut. Returns where to cut.
    pub(super) fn line(&mut self, text: &str, start: usize) -> Option<usize> {
        self.continues = false;
        let line = &text[start..];
        let is_blank = markers::is_blank(line);
        let may_be_ended = self.is_below_end || is_heading_or_fence(line);
        self.is_below_end = is_blank || is_heading_or_fence(line);
        if start == 0 || is_blank || !may_be_ended || start < self.parse_from {
            return None;
        }
        let cut = last_boundary(text, start, true);
        let is_long = start > LONG;
        self.parse_from = if cut.is_none() && is_long { start + start / GROWTH } else { 0 };
        cut
    }

    /// Whether the line that has begun at `start` of `text` certainly begins a new block, whatever follows. If so, the text
    /// is cut before it.
    pub(super) fn starts_new_block(&mut self, text: &str, start: usize) -> bool {
        if self.continues || start == 0 || !self.is_below_end || start < self.parse_from {
            return false;
        }
        let line = mask::normalise(&text[start..]);
        if may_change(&line) {
            return false;
        }
        let is_new = last_boundary(text, start, false) == Some(start);
        self.continues = !is_new;
        if is_new {
            self.parse_from = 0;
        }
        is_new
    }
}

/// Whether a line that has begun may still be read as something else, as far as its mask and its block are concerned: a
/// number may become that of an item, or a date; a rule (`- ---`) or a sum (`+ 3×4`) an item with text; and a fence becomes
/// text behind a further backtick or Hangul.
fn may_change(line: &str) -> bool {
    let content = line.trim_start();
    content.starts_with(['`', '~'])
        || markers::is_sum(content)
        || content.chars().all(|c| c.is_ascii_digit() || c.is_ascii_punctuation() || c.is_whitespace())
}

/// Whether a line looks like a heading, or like the beginning or the end of fenced code.
fn is_heading_or_fence(line: &str) -> bool {
    let text = &line[markers::indent(line).1..];
    markers::is_heading(text) || Fence::open(text).is_some()
}

/// Where the last block at the top level begins, if the text may be cut there. The last line begins at `start`; while it is
/// not `finished`, it only looks like a heading or a fence.
fn last_boundary(text: &str, start: usize, finished: bool) -> Option<usize> {
    let boundary = block::with_growing_tree(text, |root, masked| {
        if masked.is_undecided() {
            return None;
        }
        let last = root.last_child()?;
        let previous = last.previous_sibling()?;
        let line = masked.source_line(last.data().sourcepos.start.line - 1)?;
        let at = text.split_inclusive('\n').take(line).map(str::len).sum();
        (ends_formulas(previous)
            || finished && ends_formulas(last) && is_heading_or_fence(&text[at..])
            || is_below_blank(text, at))
        .then_some(at)
    });
    // A block that is too deep to parse, or whose tables are too large, is shown as it was written, so it may end at any
    // blank line, but not within its code, nor before a line that may belong to an item of a list.
    boundary.unwrap_or_else(|| {
        let may_end = finished && is_below_blank(text, start) && !text[start..].starts_with([' ', '\t']);
        (may_end && !may_be_in_code(text, start)).then_some(start)
    })
}

/// Whether fenced code may be open where the line begins that begins at `start`.
fn may_be_in_code(text: &str, start: usize) -> bool {
    let (mut code, mut at) = (FencedCode::default(), 0);
    for line in text[..start].split_inclusive('\n') {
        at += line.len();
        code.line(line, &text[at..], false);
    }
    code.is_open() || code.is_undecided()
}

/// Whether a formula can run neither into a block nor out of it.
fn ends_formulas(node: Node<'_>) -> bool {
    match &node.data().value {
        NodeValue::Heading(_) => true,
        NodeValue::CodeBlock(block) => block.fenced,
        _ => false,
    }
}

/// Whether the line that begins at `at` stands below a blank one.
fn is_below_blank(text: &str, at: usize) -> bool {
    text[..at].strip_suffix('\n').is_some_and(|above| markers::is_blank(above.rsplit('\n').next().unwrap_or(above)))
}

/// The parts of a whole text.
#[cfg(test)]
pub(super) fn parts(text: &str) -> Vec<&str> {
    let (mut splitter, mut parts, mut from, mut at) = (Splitter::default(), Vec::new(), 0, 0);
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if let Some(cut) = splitter.line(&text[from..at], start - from) {
            parts.push(&text[from..from + cut]);
            from += cut;
        }
    }
    parts.push(&text[from..]);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    /// How many bytes the parser reads for a text that is streamed character by character.
    fn parsed_bytes(text: &str) -> usize {
        block::PARSED_BYTES.set(0);
        let mut renderer = crate::Renderer::new();
        for c in text.chars() {
            renderer.push(c.encode_utf8(&mut [0; 4]));
            renderer.close_finished();
        }
        renderer.finish();
        block::PARSED_BYTES.get()
    }

    #[test]
    fn the_parser_reads_a_growing_block_in_proportion_to_its_length() {
        let line = format!("{}\n\n", "글".repeat(100));
        for unit in [format!("- {line}"), format!("  {line}"), format!("> {line}>\n"), format!("+ 3×{line}")] {
            let text = |lines: usize| format!("- 목록\n\n{}", unit.repeat(lines));
            let (short, long) = (parsed_bytes(&text(50)), parsed_bytes(&text(200)));
            assert!(long < 6 * short, "{short} bytes, then {long}: {unit}");
            assert!(long < 30 * text(200).len(), "{long} bytes of {}: {unit}", text(200).len());
        }
    }

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
