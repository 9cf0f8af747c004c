//! Guesses tokens for servers that don't count them.

use super::Message;

/// Tokens that a message costs beyond its text, as OpenAI's chat format counts them.
const PER_MESSAGE: u32 = 4;

/// A running guess at the tokens of a text: a quarter of a token for an ASCII character, a whole one for any other.
/// That is meant to be on the high side for Korean, so that a budget kept by it isn't overrun.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    quarters: u32,
}

impl Estimate {
    /// Counts more text.
    pub(super) fn add(&mut self, text: &str) {
        let quarters: u32 = text.chars().map(|c| if c.is_ascii() { 1 } else { 4 }).sum();
        self.quarters = self.quarters.saturating_add(quarters);
    }

    /// The tokens so far, rounded up.
    pub(super) fn tokens(&self) -> u32 {
        self.quarters.div_ceil(4)
    }
}

/// A guess at the tokens of a request.
pub(super) fn of_messages(messages: &[Message]) -> u32 {
    let mut text = Estimate::default();
    messages.iter().for_each(|message| text.add(&message.content));
    let overhead = u32::try_from(messages.len()).unwrap_or(u32::MAX).saturating_mul(PER_MESSAGE);
    text.tokens().saturating_add(overhead)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn korean_counts_by_letter_and_ascii_by_four() {
        let mut estimate = Estimate::default();
        assert_eq!(estimate.tokens(), 0);
        estimate.add("하늘");
        estimate.add("abcde");
        assert_eq!(estimate.tokens(), 4);
        let message = Message { role: Role::User, content: "하늘".into() };
        assert_eq!(of_messages(&[message.clone(), message]), 12);
    }
}
