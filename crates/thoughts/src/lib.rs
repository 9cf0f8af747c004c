//! Removes from an answer what its reader should not see: the thoughts of reasoning models, and the control words of chat
//! templates.
//!
//! [`without_thoughts`] filters a whole answer, [`ThinkFilter`] an answer that arrives in pieces.
//!
//! ```
//! assert_eq!(thoughts::without_thoughts("<think>음…</think>하늘은 파래요."), "하늘은 파래요.");
//!
//! let mut filter = thoughts::ThinkFilter::default();
//! assert_eq!(filter.push("<thi").text + &filter.push("nk>음</think>네").text + &filter.finish().text, "네");
//! ```
//!
//! Servers without a parser for their model send both as text. The rules:
//!
//! - Thoughts are `<think>…</think>` and its kind (see [`marker`]) at the start of an answer, again right behind other
//!   thoughts, at the start of a line, and anywhere once the answer contained thoughts. Elsewhere the tag is text.
//! - `</think>` without a beginning turns everything before it into thoughts, which are [`FilteredText::withdrawn`].
//! - Channels: what stands in another than `final` is thoughts, also where the control words themselves were cut off
//!   and left `analysis…assistantfinal…`.
//! - Other control words are dropped. After one that begins a turn of another speaker, everything is dropped.
//! - A name in plain brackets (`[PAD]`, `</s>`) in the middle of a text is text. It is a control word where the answer
//!   begins or ends, and beside another control word.
//! - Calls of tools are dropped: `<tool_call>{…}</tool_call>` and `[TOOL_CALLS][…]`.
//! - A tag that a sentence mentions (see [`mention`]) is text, unless thoughts are open.
//! - In a code span, a code block or a JSON string all of these are text, so that an answer may be about them. Only
//!   an end of thoughts that stands at the start of a line counts there, too: thoughts often leave code open.
//!
//! The text is read letter by letter, so the result does not depend on how the answer is split.

mod code;
mod filter;
mod lookahead;
mod marker;
mod mention;
mod section;
#[cfg(test)]
mod tests;

pub use filter::ThinkFilter;

use marker::Found;

/// Whether a text begins with a control word that [`ThinkFilter`] knows: of thoughts, a channel, a turn or the end of a
/// text.
#[must_use]
pub fn begins_with_control_word(text: &str) -> bool {
    matches!(marker::find(text), Found::Marker(..))
}

/// The visible part of a piece of text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FilteredText {
    /// All text returned so far turned out to be thoughts.
    pub withdrawn: bool,
    /// Text of the answer; may be empty.
    pub text: String,
}

/// The visible text of a whole answer.
pub fn without_thoughts(text: &str) -> String {
    let mut filter = ThinkFilter::default();
    let mut visible = filter.push(text).text;
    let last = filter.finish();
    if last.withdrawn {
        visible.clear();
    }
    visible + &last.text
}
