//! What comes back from the models, before it is trusted: lenient JSON and plain text.

mod entities;
mod escapes;
pub(crate) mod json;
pub(crate) mod questions;
pub(crate) mod text;

pub(crate) use entities::decode as decode_entities;

/// The frame of a call of a tool, as Qwen and others write it.
const TOOL_CALL_TAGS: [&str; 2] = ["<tool_call>", "</tool_call>"];

/// The reply without the thoughts that reasoning models put before it. Thoughts that never end leave nothing.
pub(crate) fn without_thoughts(reply: &str) -> String {
    // A call of a tool is no part of an answer, but models also write the feedback that was asked for as one.
    let reply = TOOL_CALL_TAGS.iter().fold(reply.to_owned(), |reply, tag| reply.replace(tag, ""));
    thoughts::without_thoughts(&reply)
}

/// A label as it is compared: lower case, letters and digits only, so `**다음 단계:**`, `next_steps` and `Next Steps`
/// lose what is only decoration.
pub(crate) fn label(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thoughts_are_left_out() {
        assert_eq!(without_thoughts("<think>음… {\"a\":1}</think>\n{}"), "{}");
        assert_eq!(without_thoughts("thinking</think>{}"), "{}");
        assert_eq!(without_thoughts("<think>끝나지 않는 생각"), "");
        assert_eq!(without_thoughts("{}"), "{}");
    }
}
