//! One block of Markdown to safe HTML.

use super::escape::escape_into;
use super::fence::FencedCode;
use super::html::Links;
use super::markers;
use super::mask::Masked;
use super::{html, sanitise};
use comrak::arena_tree::NodeEdge;
use comrak::nodes::Node;
use comrak::{Arena, Options, parse_document};
use std::sync::LazyLock;

/// Longest block that is read as Markdown, in bytes; a longer one is shown as it was written.
const MAX_BYTES: usize = 64 * 1024;
/// Deepest nesting of lists, quotes and emphasis; a deeper block is shown as it was written.
const MAX_DEPTH: usize = 60;

/// Largest table, in cells. Short rows are filled up, so a small text can ask for a huge one.
const MAX_CELLS: usize = 5_000;

static OPTIONS: LazyLock<Options<'static>> = LazyLock::new(|| {
    let mut options = Options::default();
    options.extension.autolink = true;
    options.extension.cjk_friendly_emphasis = true;
    options.extension.strikethrough = true;
    options.extension.table = true;
    options.extension.tasklist = true;
    // Models do not underline headings: `---` under a paragraph is a rule.
    options.parse.ignore_setext = true;
    options
});

/// The most cells that the tables of a masked text can have. A table has as many columns as its line of dashes, and it ends at
/// a blank line. Without a line of dashes, a text has none, however many bars it draws.
fn max_cells(masked: &str) -> usize {
    let (mut cells, mut columns) = (0, 0);
    for line in masked.lines() {
        columns = if markers::is_blank(line) { 0 } else { columns.max(columns_of_dashes(line)) };
        cells += columns;
    }
    cells
}

/// The columns of a table whose line of dashes this could be; 0 if it cannot.
fn columns_of_dashes(line: &str) -> usize {
    let cells = line.trim_start_matches([' ', '\t', '>']);
    let is_dashes =
        cells.contains('-') && cells.bytes().all(|b| matches!(b, b'|' | b'-' | b':' | b' ' | b'\t'..=b'\r'));
    if is_dashes { cells.bytes().filter(|&byte| byte == b'|').count() + 1 } else { 0 }
}

/// Renders one block. `finished` is false for the last block of a text that is still arriving.
pub(super) fn render(markdown: &str, finished: bool, links: Links) -> String {
    let html = with_tree(markdown, finished, |root, masked| html::write(root, masked, finished, links));
    html.map_or_else(|| render_verbatim(markdown), |html| sanitise::clean(&html))
}

/// Parses a text and hands the tree to `read`, unless it is too long or too deep.
pub(super) fn with_tree<T>(markdown: &str, finished: bool, read: impl FnOnce(Node<'_>, &Masked) -> T) -> Option<T> {
    if markdown.len() > MAX_BYTES { None } else { parse(markdown, finished, read) }
}

#[cfg(test)]
thread_local! {
    /// Bytes that [`with_growing_tree`] has parsed.
    pub(super) static PARSED_BYTES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Parses a text that is still arriving, however long it is, and hands the tree to `read`, unless it is too deep.
pub(super) fn with_growing_tree<T>(markdown: &str, read: impl FnOnce(Node<'_>, &Masked) -> T) -> Option<T> {
    #[cfg(test)]
    PARSED_BYTES.set(PARSED_BYTES.get() + markdown.len());
    parse(markdown, false, read)
}

fn parse<T>(markdown: &str, finished: bool, read: impl FnOnce(Node<'_>, &Masked) -> T) -> Option<T> {
    if markdown.lines().any(|line| markers::container_prefix(line).1 > MAX_DEPTH) {
        return None;
    }
    let masked = Masked::new(markdown, finished);
    if max_cells(&masked.text) > MAX_CELLS {
        return None;
    }
    let arena = Arena::new();
    let root = parse_document(&arena, &masked.text, &OPTIONS);
    (!is_deep(root)).then(|| read(root, &masked))
}

fn is_deep(root: Node<'_>) -> bool {
    let mut depth = 0_usize;
    root.traverse().any(|edge| {
        match edge {
            NodeEdge::Start(_) => depth += 1,
            NodeEdge::End(_) => depth -= 1,
        }
        depth > 2 * MAX_DEPTH
    })
}

/// The text of a block that is too long or too deep to parse, line by line: its fenced code with the fences, and the rest.
fn render_verbatim(markdown: &str) -> String {
    let mut html = String::with_capacity(markdown.len() + 64);
    let (mut fences, mut at, mut end) = (FencedCode::default(), 0, None);
    for line in markdown.trim_end().split_inclusive('\n') {
        at += line.len();
        let (start_tag, end_tag) = if fences.line(line, &markdown[at..], true) {
            ("<div class=\"code\"><div class=\"code-bar\"></div><pre tabindex=\"0\"><code>", "</code></pre></div>")
        } else {
            ("<p>", "</p>")
        };
        if end != Some(end_tag) {
            if end_tag == "</p>" && markers::is_blank(line) {
                continue;
            }
            html.extend([end.unwrap_or_default(), start_tag]);
            end = Some(end_tag);
        } else {
            html.push_str(if end_tag == "</p>" { "<br>" } else { "\n" });
        }
        escape_into(&mut html, line.trim_end_matches('\n'));
    }
    html.push_str(end.unwrap_or_default());
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sources, split};
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// The text parsed in one go.
    fn whole(text: &str) -> String {
        let mut masked = Masked::default();
        split::parts(text).into_iter().for_each(|part| masked.add(part, true));
        if !masked.text.ends_with('\n') {
            masked.text.push('\n');
        }
        let arena = Arena::new();
        sanitise::clean(&html::write(parse_document(&arena, &masked.text, &OPTIONS), &masked, true, Links::Clickable))
    }

    // The seed is fixed: which lines are code is only guessed when a text is masked. Among millions of damaged texts, the
    // guess may differ between a part and the whole. That must not fail a build by chance; streaming gives the same blocks
    // either way.
    proptest! {
        #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, rng_seed: RngSeed::Fixed(2), ..ProptestConfig::default() })]

        #[test]
        fn a_text_rendered_in_parts_looks_like_the_whole(text in sources::any_text()) {
            prop_assert_eq!(crate::render(&text).concat(), whole(&text));
        }
    }
}
