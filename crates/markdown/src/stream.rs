//! Rendering of a text while it is streamed.

use super::html::Links;
use super::split::Splitter;
use super::unfinished::complete_markup;
use super::{block, markers};
use std::ops::Range;
use std::sync::Arc;

/// A longer unfinished block, in bytes, is not rendered again for every few characters.
const LONG: usize = 16 * 1024;
/// It is rendered again when it has grown by one part in `GROWTH`, so that the total cost stays proportional to its length.
const GROWTH: usize = 8;

/// A text arriving in pieces, and its blocks so far.
///
/// However the text is cut into pieces, the blocks after [`finish`](Self::finish) are exactly those of
/// [`render`](super::render) for the whole text. Until then only the last block changes: a block with another behind
/// it is final. Call [`refresh`](Self::refresh) when the page is to be updated, for example every 40 ms; `push`
/// only copies the text.
#[derive(Debug, Default)]
pub struct Renderer {
    links: Links,
    text: String,
    blocks: Vec<Arc<str>>,
    splitter: Splitter,
    /// How much of the text is in finished blocks.
    closed: usize,
    /// How many blocks are finished.
    finished: usize,
    /// How far the splitter has read: to the end of a line.
    read: usize,
    /// Where the text ended when the last block was rendered.
    shown: usize,
}

impl Renderer {
    /// An empty text.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty text whose addresses stay text.
    pub fn without_links() -> Self {
        Self { links: Links::Text, ..Self::default() }
    }

    /// Appends a piece, which may end anywhere.
    pub fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Renders what has arrived and returns the indexes of the blocks that are new or different.
    ///
    /// Unfinished markup at the end is completed or left out: open emphasis is closed, half a link or formula is
    /// withheld. A last block above 16 KiB is rendered again only when it has grown by an eighth.
    pub fn refresh(&mut self) -> Range<usize> {
        let first = self.close_finished();
        let tail = &self.text[self.closed..];
        let grown = self.text.len() - self.shown.max(self.closed).min(self.text.len());
        let is_new = self.blocks.len() == self.finished;
        if markers::is_blank(tail) || grown == 0 || (!is_new && tail.len() > LONG && grown < tail.len() / GROWTH) {
            return first..self.finished.max(first);
        }
        self.shown = self.text.len();
        let html = block::render(&complete_markup(tail), false, self.links);
        let last = self.finished;
        match self.blocks.get_mut(last) {
            Some(shown) if **shown == *html => return first..last.max(first),
            Some(shown) => *shown = html.into(),
            None => self.blocks.push(html.into()),
        }
        first..last + 1
    }

    /// Renders the end of the text. Call it once, after the last piece. Returns the indexes of the changed blocks.
    pub fn finish(&mut self) -> Range<usize> {
        let first = self.close_blocks();
        if self.read < self.text.len() {
            self.read_line(self.text.len());
        }
        self.close(self.text.len());
        first..self.blocks.len()
    }

    /// The HTML of each block so far.
    pub fn blocks(&self) -> &[Arc<str>] {
        &self.blocks
    }

    /// Everything pushed so far.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The blocks, without the text.
    pub fn into_blocks(self) -> Vec<Arc<str>> {
        self.blocks
    }

    /// Finishes every block that has another behind it, which may be the unfinished line; gives the index of the first block
    /// touched.
    pub(super) fn close_finished(&mut self) -> usize {
        let first = self.close_blocks();
        if self.splitter.starts_new_block(&self.text[self.closed..], self.read - self.closed) {
            self.close(self.read);
        }
        first
    }

    /// Finishes every block that ends before a whole line; gives the index of the first block touched.
    fn close_blocks(&mut self) -> usize {
        let first = self.finished;
        while let Some(length) = self.text[self.read..].find('\n') {
            self.read_line(self.read + length + 1);
        }
        first
    }

    /// Reads the line up to `end`, and finishes the block that ends before it.
    fn read_line(&mut self, end: usize) {
        if let Some(cut) = self.splitter.line(&self.text[self.closed..end], self.read - self.closed) {
            self.close(self.closed + cut);
        }
        self.read = end;
    }

    /// Renders the text up to `end` as the next finished block.
    fn close(&mut self, end: usize) {
        let markdown = &self.text[self.closed..end];
        if !markers::is_blank(markdown) {
            let html = block::render(markdown, true, self.links).into();
            match self.blocks.get_mut(self.finished) {
                Some(shown) => *shown = html,
                None => self.blocks.push(html),
            }
            self.finished += 1;
        }
        self.closed = end;
    }
}
