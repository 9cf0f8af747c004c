//! Makes text of a reply's events, one at a time, and knows when the answer is whole.

use super::fault::Fault;
use super::think::ThinkFilter;
use super::tokens::Estimate;
use super::wire::{self, Chunk, Complaint, Said, Soft, Tokens};
use super::{End, Error, Finish, Usage};
use serde_json::Value;

/// The longest answer, reasoning inside its text included.
pub(super) const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// The longest model name that is kept of what a server says, in characters.
const MAX_MODEL_NAME: usize = 128;

/// How far the reply has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Answering,
    /// A finish reason was given; usage or `[DONE]` may follow.
    Finished,
    /// `[DONE]` was said.
    Done,
}

/// Reads one reply.
#[derive(Debug)]
pub(super) struct Decoder {
    /// What the request asked for, and our guess at its tokens.
    asked: (String, u32),
    model: Option<String>,
    think: ThinkFilter,
    bytes: usize,
    has_text: bool,
    refused: bool,
    finish: Option<Finish>,
    done: bool,
    tokens: Tokens,
    estimate: Estimate,
}

impl Decoder {
    pub(super) fn new(model: &str, prompt_estimate: u32) -> Self {
        Self {
            asked: (model.to_owned(), prompt_estimate),
            model: None,
            think: ThinkFilter::default(),
            bytes: 0,
            has_text: false,
            refused: false,
            finish: None,
            done: false,
            tokens: Tokens::default(),
            estimate: Estimate::default(),
        }
    }

    pub(super) fn progress(&self) -> Progress {
        match (self.done, self.finish) {
            (true, _) => Progress::Done,
            (false, Some(_)) => Progress::Finished,
            (false, None) => Progress::Answering,
        }
    }

    /// Reads one event; the text it brings may be empty.
    pub(super) fn read(&mut self, kind: &str, data: &str) -> Result<String, Fault> {
        let data = data.trim();
        if data.is_empty() || self.done {
            return Ok(String::new());
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(String::new());
        }
        if kind == "error" {
            return Err(Fault::of_event(Complaint::of_body(data)));
        }
        let chunk: Option<Chunk> =
            serde_json::from_str(data).map_err(|error| Fault::broken(format!("an event is not a chunk: {error}")))?;
        let Some(chunk) = chunk else { return Ok(String::new()) };
        if chunk.object.as_deref() == Some("error") {
            return Err(Fault::of_event(Complaint::of_body(data)));
        }
        if let Some(error) = chunk.error.filter(says_something) {
            return Err(Fault::of_event(Complaint::of_value(&error)));
        }
        if let Some(Soft::Is(tokens)) = chunk.usage {
            self.tokens = tokens;
        }
        if let Some(model) = chunk.model.filter(|model| !model.is_empty() && self.model.is_none()) {
            self.model = Some(model.chars().take(MAX_MODEL_NAME).collect());
        }
        let mut text = String::new();
        for (place, choice) in (0..).zip(chunk.choices.unwrap_or_default()) {
            if choice.index.unwrap_or(place) != 0 {
                continue;
            }
            // Some streams repeat the whole answer as a message at the end.
            let said = choice.delta.or_else(|| choice.message.filter(|_| self.bytes == 0));
            text.push_str(&self.listen(said)?);
            if let Some(word) = choice.finish_reason.filter(|word| !word.is_empty()) {
                self.finish = Some(wire::finish(&word));
            }
        }
        Ok(text)
    }

    fn listen(&mut self, said: Option<Said>) -> Result<String, Fault> {
        let Some(said) = said else { return Ok(String::new()) };
        let mut text = said.content.map(wire::Content::into_text).unwrap_or_default();
        if let Some(refusal) = said.refusal.filter(|refusal| !refusal.is_empty()) {
            self.refused = true;
            text.push_str(&refusal);
        }
        self.bytes += text.len();
        if self.bytes > MAX_ANSWER_BYTES {
            return Err(Fault::broken("the answer is too long"));
        }
        let text = self.think.push(text);
        Ok(self.heard(text))
    }

    fn heard(&mut self, text: String) -> String {
        self.has_text |= !text.is_empty();
        self.estimate.add(&text);
        text
    }

    /// Closes the answer: the text held back to the last, and how it ended.
    pub(super) fn end(&mut self) -> Result<(String, End), Fault> {
        if self.progress() == Progress::Answering {
            return Err(Fault::broken("the reply ended before the answer did"));
        }
        let held = self.think.finish();
        let text = self.heard(held);
        let finish = match self.finish {
            _ if self.refused => Finish::Refusal,
            Some(finish) => finish,
            None => Finish::Stop,
        };
        if !self.has_text {
            match finish {
                Finish::ContentFilter => return Err(Fault::new(Error::ContentFilter, "before the first word")),
                // All tokens went into reasoning. To ask again would cost the same and bring the same.
                Finish::Length => {}
                _ => return Err(Fault::broken("the answer is empty")),
            }
        }
        let model = self.model.take().unwrap_or_else(|| self.asked.0.clone());
        Ok((text, End { finish, model, usage: self.usage() }))
    }

    /// What the call took, as far as it is known by now.
    pub(super) fn usage(&self) -> Usage {
        // No request is empty, so a 0 is a server that doesn't count.
        let said = |tokens: Option<u32>, guess: u32| tokens.filter(|&tokens| tokens > 0 || guess == 0);
        let guesses = (self.asked.1, self.estimate.tokens());
        let prompt = said(self.tokens.prompt_tokens, guesses.0);
        let completion = said(self.tokens.completion_tokens, guesses.1);
        Usage {
            prompt_tokens: prompt.unwrap_or(guesses.0),
            cached_tokens: prompt.map_or(0, |prompt| self.tokens.cached().min(prompt)),
            completion_tokens: completion.unwrap_or(guesses.1),
            estimated: prompt.is_none() || completion.is_none(),
        }
    }
}

/// Whether an `error` field holds one: some servers send `null`, `false` or nothing in words with every chunk.
fn says_something(error: &Value) -> bool {
    match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: &[&str]) -> Result<(String, End), Error> {
        let mut decoder = Decoder::new("asked", 7);
        let mut text = String::new();
        for event in events {
            text.push_str(&decoder.read("message", event).map_err(|fault| fault.error)?);
        }
        let (rest, end) = decoder.end().map_err(|fault| fault.error)?;
        Ok((text + &rest, end))
    }

    fn delta(delta: &str) -> String {
        format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)
    }

    #[test]
    fn deltas_of_every_shape_are_read() {
        for (said, text) in [
            (r#"{"content":"네"}"#, "네"),
            (r#"{"content":null,"role":"assistant"}"#, ""),
            (r#"{"reasoning_content":"음"}"#, ""),
            (r#"{"content":[{"type":"text","text":"네"},{"type":"thinking","thinking":[]},{"text":"요"}]}"#, "네요"),
            (r#"{"content":{"odd":1}}"#, ""),
            ("null", ""),
        ] {
            let answer = read(&[&delta(said), &delta(r#"{"content":"."}"#), "[DONE]"]).unwrap();
            assert_eq!(answer.0, format!("{text}."), "{said}");
        }
    }

    #[test]
    fn only_the_first_choice_counts() {
        let both = r#"{"choices":[{"index":1,"delta":{"content":"둘"}},{"index":0,"delta":{"content":"하나"}}]}"#;
        let unnumbered = r#"{"choices":[{"delta":{"content":"하나"}},{"delta":{"content":"둘"}}]}"#;
        let other_ends = r#"{"choices":[{"index":1,"delta":{},"finish_reason":"length"}]}"#;
        let (text, end) = read(&[both, unnumbered, other_ends, "[DONE]"]).unwrap();
        assert_eq!((text.as_str(), end.finish), ("하나하나", Finish::Stop));
    }

    #[test]
    fn any_word_may_end_an_answer() {
        for (word, finish) in [
            ("stop", Finish::Stop),
            ("STOP", Finish::Stop),
            ("length", Finish::Length),
            ("content_filter", Finish::ContentFilter),
            ("tool_calls", Finish::Other),
            ("그만", Finish::Other),
        ] {
            let last = format!(r#"{{"choices":[{{"delta":{{"content":"네"}},"finish_reason":"{word}"}}]}}"#);
            assert_eq!(read(&[&last]).unwrap().1.finish, finish);
        }
    }

    #[test]
    fn usage_comes_from_where_it_is_said_and_is_estimated_otherwise() {
        let said = |prompt_tokens, completion_tokens| Usage { prompt_tokens, completion_tokens, ..Usage::default() };
        let text = delta(r#"{"content":"하늘은"}"#);
        let own = r#"{"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":9,"other":{}}}"#;
        assert_eq!(read(&[&text, own, "[DONE]"]).unwrap().1.usage, said(5, 9));
        let guess = Usage { estimated: true, ..said(7, 3) };
        for usage in
            ["null", "\"none\"", "{}", r#"{"prompt_tokens":0,"completion_tokens":0}"#, "{\"prompt_tokens\":-1}"]
        {
            let last = format!(r#"{{"choices":null,"usage":{usage}}}"#);
            assert_eq!(read(&[&text, &last, "[DONE]"]).unwrap().1.usage, guess, "{usage}");
        }
        let cached =
            r#"{"usage":{"prompt_tokens":5,"completion_tokens":9,"prompt_tokens_details":{"cached_tokens":4}}}"#;
        assert_eq!(read(&[&text, cached, "[DONE]"]).unwrap().1.usage, Usage { cached_tokens: 4, ..said(5, 9) });
        for odd in ["{}", "null", "7", r#"{"cached_tokens":-1}"#] {
            let odd =
                format!(r#"{{"usage":{{"prompt_tokens":5,"completion_tokens":9,"prompt_tokens_details":{odd}}}}}"#);
            assert_eq!(read(&[&text, &odd, "[DONE]"]).unwrap().1.usage, said(5, 9), "{odd}");
        }
        let half = r#"{"usage":{"prompt_tokens":5}}"#;
        assert_eq!(read(&[&text, half, "[DONE]"]).unwrap().1.usage, Usage { prompt_tokens: 5, ..guess });
    }

    #[test]
    fn an_answer_without_text_is_no_answer() {
        let last = |word: &str| format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"{word}"}}]}}"#);
        assert_eq!(read(&[&last("stop")]), Err(Error::Broken));
        assert_eq!(read(&["[DONE]"]), Err(Error::Broken));
        assert_eq!(read(&[]), Err(Error::Broken));
        assert_eq!(read(&[&last("content_filter")]), Err(Error::ContentFilter));
        assert_eq!(read(&[&last("length")]).unwrap().1.finish, Finish::Length);
        assert_eq!(read(&[&delta(r#"{"content":"<think>음"}"#), "[DONE]"]), Err(Error::Broken));
    }

    #[test]
    fn a_refusal_is_the_answer() {
        let (text, end) = read(&[&delta(r#"{"refusal":"그건 도울 수 없어요."}"#), "[DONE]"]).unwrap();
        assert_eq!((text.as_str(), end.finish), ("그건 도울 수 없어요.", Finish::Refusal));
    }

    #[test]
    fn nonsense_is_broken() {
        let deep = format!("{}{}", r#"{"x":"#.repeat(100_000), "[".repeat(100_000));
        let deep_error = format!(r#"{{"error":{}"#, "[".repeat(100_000));
        for nonsense in ["{", "네", "7", "[1]", r#"{"choices":7}"#, &deep, &deep_error] {
            let head: String = nonsense.chars().take(20).collect();
            assert_eq!(read(&[nonsense, "[DONE]"]), Err(Error::Broken), "{head}");
        }
        let long = delta(&format!(r#"{{"content":"{}"}}"#, "x".repeat(MAX_ANSWER_BYTES / 2)));
        assert!(read(&[&long, &long, "[DONE]"]).is_ok());
        assert_eq!(read(&[&long, &long, &delta(r#"{"content":"x"}"#)]), Err(Error::Broken));
    }

    #[test]
    fn harmless_events_are_passed_over() {
        let events = ["", " ", "null", "{}", r#"{"type":"ping"}"#, r#"{"error":null}"#, r#"{"error":{}}"#];
        let text = delta(r#"{"content":"네"}"#);
        assert_eq!(read(&[&events[..], &[text.as_str(), "[DONE]", "{"]].concat()).unwrap().0, "네");
    }
}
