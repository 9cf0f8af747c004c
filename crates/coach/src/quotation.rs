//! Quotations of the student's words that fit into a sentence.

/// Longest quotation of a level, in characters.
pub(super) const LEVEL_QUOTE_CHARS: usize = 40;

/// The beginning of a text, at most `max` characters, cut between words where it has several.
pub(super) fn cut_between_words(text: &str, max: usize) -> &str {
    let Some((cut, _)) = text.char_indices().nth(max) else { return text };
    text[..cut].rfind(' ').map_or(&text[..cut], |space| &text[..space])
}

/// The beginning of a sentence without its closing marks, as the quotation of a level.
pub(super) fn quote_sentence(sentence: &str) -> &str {
    cut_between_words(sentence.trim_end_matches(|c: char| !c.is_alphanumeric()), LEVEL_QUOTE_CHARS)
}

/// The text on one line, with one space between words.
pub(super) fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_words() {
        assert_eq!(cut_between_words("하늘은 왜 파래요", 7), "하늘은 왜");
        assert_eq!(cut_between_words("하늘은왜파래요", 3), "하늘은");
        assert_eq!(cut_between_words("하늘은 왜", 5), "하늘은 왜");
        assert_eq!(quote_sentence("하늘은 왜 파래요?!"), "하늘은 왜 파래요");
    }
}
