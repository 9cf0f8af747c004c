//! Readable text without Markdown, for screen-reader announcements.

use super::mask::{Masked, Piece};
use super::{block, markers};
use comrak::nodes::{Node, NodeValue};

/// Converts Markdown to the text that a screen reader announces: no marks and no link targets, formulas and code as
/// written, each block on its own line.
///
/// A text above 64 KiB, or with more than 60 levels of nesting, is returned unchanged.
pub fn to_plain_text(text: &str) -> String {
    let plain = block::with_tree(text, true, |root, masked| {
        let mut out = String::with_capacity(text.len());
        append_text(root, masked, &mut out);
        out
    });
    plain.map_or_else(|| text.to_owned(), |plain| plain.trim_end().to_owned())
}

fn append_text(node: Node<'_>, masked: &Masked, out: &mut String) {
    match &node.data().value {
        NodeValue::Text(text) => out.extend(masked.pieces(text).iter().map(|piece| match piece {
            Piece::Text(text) => *text,
            Piece::Address { source, .. } => *source,
            Piece::Formula { latex, .. } => latex.trim(),
            Piece::Tag { html: "<br>", .. } => "\n",
            Piece::Tag { .. } => "",
        })),
        NodeValue::Code(code) => out.push_str(&masked.source(&code.literal)),
        NodeValue::CodeBlock(code) => out.push_str(&masked.source(&code.literal)),
        NodeValue::HtmlInline(html) => out.push_str(&masked.source(html)),
        NodeValue::HtmlBlock(html) => out.push_str(&masked.source(&html.literal)),
        NodeValue::SoftBreak | NodeValue::LineBreak => out.push('\n'),
        _ => node.children().for_each(|child| append_text(child, masked, out)),
    }
    let end = match &node.data().value {
        NodeValue::TableCell if node.next_sibling().is_some() => ", ",
        NodeValue::Paragraph | NodeValue::Heading(_) | NodeValue::TableRow(_) | NodeValue::CodeBlock(_) => "\n",
        _ => return,
    };
    if !markers::is_blank(out) && !out.ends_with('\n') {
        out.push_str(end);
    }
}
