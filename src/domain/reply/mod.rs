//! What comes back from the models, before it is trusted: lenient JSON and plain text.

mod entities;
mod escapes;
pub(super) mod json;
pub(super) mod questions;
pub(super) mod text;

pub(super) use entities::decode as decode_entities;

/// The reply without the thoughts that reasoning models put before it. Thoughts that never end leave nothing.
pub(super) fn without_thoughts(reply: &str) -> String {
    crate::llm::visible_text(reply)
}

/// A label as it is compared: lower case, letters and digits only, so `**다음 단계:**`, `next_steps` and `Next Steps`
/// lose what is only dress.
pub(super) fn label(text: &str) -> String {
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
