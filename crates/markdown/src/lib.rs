//! Markdown written by a language model, whole or arriving in pieces, to safe HTML blocks.
//!
//! The dialect is GitHub-flavoured Markdown with formulas, read with an eye on how models write and on what must
//! never reach a student's page:
//!
//! docs/markdown.md shows every rule with an example.
//!
//! - **Blocks stand alone.** The text is cut at places where CommonMark's block parser has nothing open ([`split`]),
//!   and each piece is rendered by itself. So a finished block never changes, and the blocks of a streamed text are
//!   exactly those of the whole text. The price: there are no footnotes and no reference definitions. `[1]: https://…`
//!   stays on the page as text with a clickable address, and `[text][1]` stays as written.
//! - **HTML is text.** Tags in the Markdown are shown as they were written. Only `<br>`, `<sub>` and `<sup>`, which
//!   models need in tables and for chemistry, do what they say.
//! - **No images.** An image becomes a link to its address.
//! - **Line breaks are kept**, as in a chat: models never wrap lines, so a line break in their text is meant.
//! - **Formulas** in `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and ```` ```math ```` become MathML; prices and shell variables stay text.
//! - **Everything is cleaned last** by an allow-list of elements, attributes, classes and addresses.

mod block;
mod chemistry;
mod code;
mod emphasis;
mod fence;
mod formula;
mod heal;
mod html;
mod link;
mod markers;
mod mask;
mod math;
mod particle;
mod plain;
mod sanitise;
#[cfg(test)]
#[path = "../tests/render/sources.rs"]
mod sources;
mod split;
mod stream;
mod table;

pub use plain::plain;
pub use stream::Renderer;

use std::sync::Arc;

/// Renders a whole text: the safe HTML of each block, in order.
///
/// A block is the smallest stretch that stands alone: mostly one paragraph, list, table or code block. The HTML of a
/// block may be empty (`#` alone renders to nothing). Never panics; the work is bounded by the length of the text.
pub fn markdown(text: &str) -> Vec<Arc<str>> {
    whole(Renderer::new(), text)
}

/// Renders a whole text like [`markdown`], but leaves every address as text: for text that may repeat what a stranger
/// wrote, such as a topic that came with a link to the page.
pub fn markdown_without_links(text: &str) -> Vec<Arc<str>> {
    whole(Renderer::without_links(), text)
}

fn whole(mut renderer: Renderer, text: &str) -> Vec<Arc<str>> {
    renderer.push(text);
    renderer.finish();
    renderer.into_blocks()
}

/// Makes HTML of a block that comes from elsewhere safe. What [`markdown`] wrote stays as it is.
pub fn sanitise(html: &str) -> String {
    sanitise::clean(html)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sanitising_a_rendered_block_again_changes_nothing(text in sources::any_text()) {
            for block in markdown(&text) {
                prop_assert_eq!(sanitise(&block), &*block);
            }
        }
    }
}
