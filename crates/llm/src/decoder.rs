//! Decodes a reply's events to text, and detects when the answer is complete.

use super::chunk::{Chunk, Delta, Tokens};
use super::error_body::ErrorBody;
use super::fault::Fault;
use super::lenient::Joiner;
use super::{End, Error, Finish, Usage};
use domain::TokenEstimate;
use thoughts::{FilteredText, ThinkFilter};

/// The longest answer, reasoning inside its text included.
pub(super) const MAX_ANSWER_BYTES: usize = 256 * 1024;

/// From this number of completion tokens without text, the model wrote thoughts that the server does not send.
const MIN_HIDDEN_THOUGHTS: u32 = 32;

/// The longest model name that is read from a reply, in characters.
const MAX_MODEL_NAME: usize = 128;

/// The progress of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReplyProgress {
    Answering,
    /// A finish reason was given together with text, or before any. Some servers do so with every event, so more may
    /// follow; if none does, the answer is whole.
    MayFinish,
    /// A finish reason was given by itself; usage or `[DONE]` may follow.
    Finished,
    /// `[DONE]` has arrived.
    Done,
}

/// The content of one event.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct DecodedEvent {
    /// All text so far turned out to be thoughts.
    pub(super) withdrawn: bool,
    /// Text of the answer; may be empty.
    pub(super) text: String,
    /// The event contained thoughts.
    pub(super) is_thinking: bool,
}

/// Reads one reply.
#[derive(Debug)]
pub(super) struct Decoder {
    asked_model: String,
    /// The estimated tokens of the request.
    prompt_estimate: u32,
    model: Option<String>,
    joiner: Joiner,
    think: ThinkFilter,
    bytes: usize,
    has_text: bool,
    has_thought: bool,
    refused: bool,
    /// An event could not be read.
    has_unreadable: bool,
    finish: Option<Finish>,
    /// Text has arrived, and a finish reason after it.
    is_settled: bool,
    done: bool,
    tokens: Tokens,
    estimate: TokenEstimate,
}

impl Decoder {
    pub(super) fn new(model: &str, prompt_estimate: u32) -> Self {
        Self {
            asked_model: model.to_owned(),
            prompt_estimate,
            model: None,
            joiner: Joiner::default(),
            think: ThinkFilter::default(),
            bytes: 0,
            has_text: false,
            has_thought: false,
            refused: false,
            has_unreadable: false,
            finish: None,
            is_settled: false,
            done: false,
            tokens: Tokens::default(),
            estimate: TokenEstimate::default(),
        }
    }

    pub(super) fn progress(&self) -> ReplyProgress {
        match (self.done, self.finish) {
            (true, _) => ReplyProgress::Done,
            (false, Some(_)) if self.is_settled => ReplyProgress::Finished,
            (false, Some(_)) => ReplyProgress::MayFinish,
            (false, None) => ReplyProgress::Answering,
        }
    }

    /// Reads one event; the text it brings may be empty.
    pub(super) fn read(&mut self, kind: &str, data: &str) -> Result<DecodedEvent, Fault> {
        let data = data.trim();
        if data.is_empty() || self.done {
            return Ok(DecodedEvent::default());
        }
        if data == "[DONE]" {
            self.done = true;
            return Ok(DecodedEvent::default());
        }
        if kind == "error" {
            return Err(Fault::of_event(ErrorBody::of_body(data)));
        }
        let chunk = match Chunk::parse(data) {
            // One is ignored, whatever the server meant by it: a reply without it is worth more than none.
            Err(error) if !std::mem::replace(&mut self.has_unreadable, true) => {
                tracing::debug!(error, "an event of the model's reply is not a chunk; it is ignored");
                None
            }
            parsed => parsed.map_err(|error| Fault::broken(format!("an event is not a chunk: {error}")))?,
        };
        let Some(chunk) = chunk else { return Ok(DecodedEvent::default()) };
        if let Some(error) = chunk.error() {
            return Err(Fault::of_event(ErrorBody::of_value(&error)));
        }
        if let Some(tokens) = chunk.tokens() {
            self.tokens.prompt = tokens.prompt.or(self.tokens.prompt);
            self.tokens.completion = tokens.completion.or(self.tokens.completion);
            self.tokens.cached = tokens.cached;
            self.tokens.reasoning = self.tokens.reasoning.max(tokens.reasoning);
        }
        if let Some(model) = chunk.model().filter(|_| self.model.is_none()) {
            self.model = Some(model.chars().take(MAX_MODEL_NAME).collect());
        }
        let mut event = DecodedEvent::default();
        let (mut has_content, mut finish) = (false, None);
        for choice in chunk.first_choice() {
            // Some streams repeat the whole answer as a message at the end.
            let delta = choice.delta().or_else(|| choice.message().filter(|_| self.bytes == 0));
            if let Some(delta) = delta {
                has_content |= !delta.text.is_empty() || !delta.thought.is_empty();
                let more = self.read_delta(delta)?;
                event.is_thinking |= more.is_thinking;
                if more.withdrawn {
                    event.withdrawn = true;
                    event.text.clear();
                }
                event.text.push_str(&more.text);
            }
            finish = choice.finish().or(finish);
        }
        if finish.is_some() || has_content {
            // Text after a finish reason cancels it.
            self.is_settled = !has_content && self.bytes > 0;
            self.finish = finish;
        }
        Ok(event)
    }

    fn read_delta(&mut self, delta: Delta) -> Result<DecodedEvent, Fault> {
        self.refused |= delta.is_refusal;
        self.bytes += delta.text.len() + delta.thought.len();
        if self.bytes > MAX_ANSWER_BYTES {
            return Err(Fault::broken("the answer is too long"));
        }
        self.estimate.add(&delta.text);
        self.estimate.add(&delta.thought);
        let is_thinking = !delta.thought.is_empty() || (!delta.text.is_empty() && self.think.is_thinking());
        let text = self.joiner.push(delta.text);
        let piece = self.think.push(&text);
        let is_thinking = is_thinking || (!text.is_empty() && self.think.is_thinking());
        self.has_thought |= is_thinking;
        Ok(self.decoded(piece, is_thinking))
    }

    fn decoded(&mut self, piece: FilteredText, is_thinking: bool) -> DecodedEvent {
        let FilteredText { withdrawn, text } = piece;
        self.has_text = (self.has_text && !withdrawn) || !text.is_empty();
        DecodedEvent { withdrawn, text, is_thinking }
    }

    /// Ends the answer. Returns the text that was held back, and how the answer ended.
    pub(super) fn end(&mut self) -> Result<(DecodedEvent, End), Fault> {
        if self.progress() == ReplyProgress::Answering {
            return Err(Fault::broken("the reply ended before the answer did"));
        }
        let half = self.joiner.finish();
        let mut piece = self.think.push(&half);
        let last = self.think.finish();
        if last.withdrawn {
            piece = FilteredText { withdrawn: true, text: String::new() };
        }
        piece.text.push_str(&last.text);
        let event = self.decoded(piece, false);
        let finish = match self.finish {
            _ if self.refused => Finish::Refusal,
            Some(finish) => finish,
            None => Finish::Stop,
        };
        if !self.has_text {
            let has_thought = self.has_thought();
            return Err(match finish {
                Finish::ContentFilter => Fault::new(Error::ContentFilter, "before the first word"),
                // A retry would have the same result.
                Finish::Length => Fault::new(Error::NoAnswer, "the token limit was reached before the first word"),
                _ if has_thought => Fault::new(Error::NoAnswer, "the reply holds thoughts alone"),
                _ => Fault::broken("the answer is empty"),
            });
        }
        let model = self.model.take().unwrap_or_else(|| self.asked_model.clone());
        Ok((event, End { finish, model, asked_model: self.asked_model.clone(), usage: self.usage() }))
    }

    /// The model that was asked.
    pub(super) fn asked_model(&self) -> &str {
        &self.asked_model
    }

    /// Whether the model wrote thoughts: in the reply, or by the server's count.
    pub(super) fn has_thought(&self) -> bool {
        let is_hidden = || {
            let tokens = self.tokens.completion.unwrap_or_default();
            self.finish == Some(Finish::Length) && !self.has_text && tokens >= MIN_HIDDEN_THOUGHTS
        };
        self.has_thought || self.think.has_thought() || self.tokens.reasoning > 0 || is_hidden()
    }

    /// The tokens of the call so far.
    pub(super) fn usage(&self) -> Usage {
        // No request is empty, so 0 means that the server does not count.
        let counted = |tokens: Option<u32>, guess: u32| tokens.filter(|&tokens| tokens > 0 || guess == 0);
        let guesses = (self.prompt_estimate, self.estimate.tokens().try_into().unwrap_or(u32::MAX));
        let prompt = counted(self.tokens.prompt, guesses.0);
        let completion = counted(self.tokens.completion, guesses.1);
        Usage {
            prompt_tokens: prompt.unwrap_or(guesses.0),
            cached_tokens: prompt.map_or(0, |prompt| self.tokens.cached.min(prompt)),
            completion_tokens: completion.unwrap_or(guesses.1),
            estimated: prompt.is_none() || completion.is_none(),
        }
    }
}

#[cfg(test)]
mod tests;
