//! An estimate of the tokens of a text, for requests that are not sent yet and for model servers that count nothing.

/// Tokens that a chat template adds to each message.
const MESSAGE_OVERHEAD: usize = 4;

/// The estimated tokens of a text that arrives in pieces. On the high side for the usual models, so that a budget based
/// on it is not exceeded.
///
/// Counts thirds of a token: an ASCII letter, digit or space 1 (English has some four letters a token), other ASCII 2
/// (code and formulas), anything else 3 (a Hangul syllable is one token or less with o200k, Gemma 3, Qwen 3 and Llama 3).
/// Emoji and rare letters may have more tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenEstimate {
    thirds: usize,
}

impl TokenEstimate {
    /// Counts more text.
    pub fn add(&mut self, text: &str) {
        let thirds = |c: char| match c {
            _ if c.is_ascii_alphanumeric() || c == ' ' => 1,
            _ if c.is_ascii() => 2,
            _ => 3,
        };
        self.thirds += text.chars().map(thirds).sum::<usize>();
    }

    /// The tokens of the text so far, rounded up.
    #[must_use]
    pub fn tokens(self) -> usize {
        self.thirds.div_ceil(3)
    }
}

/// The estimated tokens of a message with this text.
#[must_use]
pub fn estimate_tokens(text: &str) -> usize {
    let mut estimate = TokenEstimate::default();
    estimate.add(text);
    MESSAGE_OVERHEAD + estimate.tokens()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangul_syllable_counts_as_one_token_and_three_letters_as_one() {
        assert_eq!(estimate_tokens(""), 4);
        assert_eq!(estimate_tokens("하늘은"), 4 + 3);
        assert_eq!(estimate_tokens("abcdef"), 4 + 2);
    }

    #[test]
    fn pieces_count_as_the_whole_text() {
        let mut estimate = TokenEstimate::default();
        ["하늘", "ab", "cde"].iter().for_each(|piece| estimate.add(piece));
        assert_eq!(estimate.tokens(), 4);
    }

    #[test]
    fn a_longer_text_never_counts_less() {
        let text = "하늘은 왜 파래요? $\\frac{1}{2}$ 👩‍🔬 code()";
        let counts: Vec<usize> = text.char_indices().map(|(at, _)| estimate_tokens(&text[..at])).collect();
        assert!(counts.is_sorted(), "{counts:?}");
    }
}
