//! Sections of a reply that are no answer, and where they end: thoughts and calls of tools.

use crate::marker::Marker;

/// What ends a call of a tool.
#[derive(Debug, PartialEq)]
pub(super) enum ToolCall {
    /// A closing tag.
    Tag,
    /// The end of the JSON value.
    Json { depth: usize, in_string: bool, is_escaped: bool },
}

/// What ends thoughts.
#[derive(Debug, PartialEq)]
pub(super) enum Thought {
    /// A closing tag, but not that of another tag that was opened within.
    Tag { name: String, inner: Vec<String> },
    /// A channel's end.
    Channel,
    /// The word `assistantfinal`.
    Word,
}

impl ToolCall {
    /// Reads on; whether this is the last letter of the call.
    pub(super) fn ends_with(&mut self, c: char) -> bool {
        let Self::Json { depth, in_string, is_escaped } = self else { return false };
        match c {
            _ if std::mem::take(is_escaped) => {}
            '\\' if *in_string => *is_escaped = true,
            '"' => *in_string = !*in_string,
            '[' | '{' if !*in_string => *depth += 1,
            ']' | '}' if !*in_string => *depth = depth.saturating_sub(1),
            _ => {}
        }
        *depth == 0 && !*in_string && matches!(c, ']' | '}')
    }
}

impl Thought {
    /// Whether a control word ends these thoughts.
    pub(super) fn ends_with(&mut self, marker: &Marker<'_>, is_quoted: bool) -> bool {
        match (self, marker) {
            (Self::Tag { name, inner }, Marker::ThoughtOpens(opened)) => {
                let opened = opened.to_lowercase();
                if opened != *name && !is_quoted {
                    inner.push(opened);
                }
                false
            }
            (Self::Tag { inner, .. }, Marker::ThoughtCloses(closed)) => {
                let closed = closed.to_lowercase();
                match inner.iter().rposition(|name| *name == closed) {
                    Some(at) => {
                        inner.truncate(at);
                        false
                    }
                    None => !is_quoted,
                }
            }
            (Self::Channel, Marker::Other | Marker::ChannelEnds | Marker::ThoughtCloses(_)) => true,
            _ => false,
        }
    }
}
