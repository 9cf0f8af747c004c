//! Drops a `<think>…</think>` block at the start of an answer, however its text is split.
//!
//! Reasoning models served without a reasoning parser write their notes in front of the answer. Only a block that opens
//! the answer goes; the same words later are the model's text, perhaps about HTML.

const OPEN: &str = "<think>";
const CLOSE: &str = "</think>";

/// Takes an answer's text piece by piece.
#[derive(Debug, Default)]
pub(super) struct ThinkFilter {
    state: State,
    held: String,
}

#[derive(Debug, Default, PartialEq)]
enum State {
    /// What is held may still become the opening tag.
    #[default]
    Start,
    /// In the block; what is held may still become the closing tag.
    Inside,
    /// Behind the block, before the first letter of the answer.
    Behind,
    /// The answer.
    Answer,
}

impl ThinkFilter {
    /// The part of the text so far that is now known to belong to the answer; may be empty.
    pub(super) fn push(&mut self, mut text: String) -> String {
        loop {
            match self.state {
                State::Answer => return text,
                State::Start => {
                    let all = self.hold(text);
                    let tag = all.trim_start();
                    if let Some(rest) = tag.strip_prefix(OPEN) {
                        text = rest.to_owned();
                        self.state = State::Inside;
                    } else if OPEN.starts_with(tag) {
                        self.held = all;
                        return String::new();
                    } else {
                        self.state = State::Answer;
                        return all;
                    }
                }
                State::Inside => {
                    let all = self.hold(text);
                    if let Some(at) = all.find(CLOSE) {
                        text = all[at + CLOSE.len()..].to_owned();
                        self.state = State::Behind;
                    } else {
                        self.held = tail(&all);
                        return String::new();
                    }
                }
                State::Behind => {
                    let rest = text.trim_start();
                    if rest.is_empty() {
                        return String::new();
                    }
                    self.state = State::Answer;
                    return rest.to_owned();
                }
            }
        }
    }

    /// What was held back and turned out to be the answer's, once no more comes.
    pub(super) fn finish(&mut self) -> String {
        let held = std::mem::take(&mut self.held);
        if self.state == State::Start && !held.trim().is_empty() { held } else { String::new() }
    }

    fn hold(&mut self, text: String) -> String {
        if self.held.is_empty() {
            return text;
        }
        let mut all = std::mem::take(&mut self.held);
        all.push_str(&text);
        all
    }
}

/// The end of a text that may be the beginning of the closing tag.
fn tail(text: &str) -> String {
    (1..CLOSE.len()).rev().map(|n| &CLOSE[..n]).find(|start| text.ends_with(start)).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_pieces(text: &str, at: &[usize]) -> String {
        let mut filter = ThinkFilter::default();
        let mut out = String::new();
        let mut from = 0;
        for &to in at.iter().chain([&text.len()]) {
            out.push_str(&filter.push(text[from..to].to_owned()));
            from = to;
        }
        out.push_str(&filter.finish());
        out
    }

    #[test]
    fn a_block_at_the_start_goes_however_it_is_split() {
        for (text, kept) in [
            ("<think>음… <b> </thin 아니\n</think>\n\n빛은 파동이에요.", "빛은 파동이에요."),
            ("\n<think></think>네", "네"),
            ("<think>끝이 없다", ""),
            ("<thin air", "<thin air"),
            ("<", "<"),
            ("  <p>", "  <p>"),
            ("\n\n그냥 글", "\n\n그냥 글"),
            ("앞 <think>가운데</think> 뒤", "앞 <think>가운데</think> 뒤"),
            ("<think>하나</think><think>둘</think>", "<think>둘</think>"),
            (" \n ", ""),
        ] {
            let marks: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            assert_eq!(by_pieces(text, &[]), kept);
            assert_eq!(by_pieces(text, &marks), kept, "one character at a time");
            for &a in &marks {
                for &b in marks.iter().filter(|&&b| b >= a) {
                    assert_eq!(by_pieces(text, &[a, b]), kept, "split at {a} and {b}");
                }
            }
        }
    }

    #[test]
    fn ordinary_text_is_never_held_back() {
        let mut filter = ThinkFilter::default();
        assert_eq!(filter.push("안".into()), "안");
        assert_eq!(filter.push("<".into()), "<");
    }
}
