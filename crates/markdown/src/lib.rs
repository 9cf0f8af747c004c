//! Converts Markdown from a language model, whole or streamed, to safe HTML.
//!
//! The dialect is GitHub-flavoured Markdown with formulas, adapted to Korean school text; `docs/markdown.md` shows each
//! rule with an example. The HTML of each block is sanitised as the last step.
//!
//! ```
//! assert_eq!(markdown::render("# 물\n\n**H**<sub>2</sub>O").concat(), "<h3>물</h3><p><strong>H</strong><sub>2</sub>O</p>");
//!
//! let mut renderer = markdown::Renderer::new();
//! renderer.push("하늘은 **파래");
//! renderer.refresh();
//! assert_eq!(renderer.blocks().concat(), "<p>하늘은 <strong>파래</strong></p>");
//! ```
//!
//! - **Blocks are independent.** [`split`] cuts the text between two blocks of the parser's tree, and each part is rendered
//!   alone. So a finished block never changes, and a streamed text has the same blocks as the whole text.
//!   Footnotes and reference definitions are therefore not supported: `[1]: https://…` is shown as text with a link, and
//!   `[text][1]` as written.
//! - **HTML is text.** Tags are shown as written, except `<br>`, `<sub>` and `<sup>`, which models need in tables and for
//!   chemistry.
//! - **Images** become links to their addresses.
//! - **Line breaks are kept**, because models do not wrap lines.
//! - **Formulas** in `$…$`, `$$…$$`, `\(…\)`, `\[…\]` and ```` ```math ```` become MathML; prices and shell variables are text.

mod block;
mod chemistry;
mod code;
mod emphasis;
mod escape;
mod fence;
mod formula;
mod hangul;
mod html;
mod latex;
mod link;
mod markers;
mod mask;
mod math;
mod particle;
mod plain_text;
mod sanitise;
#[cfg(test)]
#[path = "../tests/render/sources.rs"]
mod sources;
mod split;
mod stream;
mod table;
mod unfinished;

pub use plain_text::to_plain_text;
pub use stream::Renderer;

use std::sync::Arc;

/// Renders a whole text to the safe HTML of each block, in order.
///
/// A block is the smallest part that can be rendered alone: usually one paragraph, list, table or code block. Its HTML may
/// be empty (`#` alone renders to nothing). Never panics. The time is proportional to the length of the text.
pub fn render(text: &str) -> Vec<Arc<str>> {
    render_with(Renderer::new(), text)
}

/// Renders a whole text like [`render`], but shows every address as text. For text that may repeat untrusted input, such
/// as a topic from a shared link.
pub fn render_without_links(text: &str) -> Vec<Arc<str>> {
    render_with(Renderer::without_links(), text)
}

fn render_with(mut renderer: Renderer, text: &str) -> Vec<Arc<str>> {
    renderer.push(text);
    renderer.finish();
    renderer.into_blocks()
}

/// Sanitises the HTML of a block from another source, such as Redis. The output of [`render`] is not changed.
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
            for block in render(&text) {
                prop_assert_eq!(sanitise(&block), &*block);
            }
        }
    }
}
