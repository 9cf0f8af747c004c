//! One reply being read: bytes to pieces. Keeps no time; `answer` does.

use super::decoder::{Decoder, Progress};
use super::fault::Fault;
use super::lines::{LineError, Lines};
use super::{End, Piece, Usage};
use eventsource_stream::{Event, EventStream, EventStreamError};
use futures_util::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::Instant;

type Events = dyn Stream<Item = Result<Event, EventStreamError<LineError<reqwest::Error>>>> + Send;

/// A reply's events, decoded.
pub(super) struct Reading {
    events: Pin<Box<Events>>,
    decoder: Decoder,
    end: Option<End>,
    over: bool,
}

impl Reading {
    pub(super) fn new<S, B>(bytes: S, decoder: Decoder) -> Self
    where
        S: Stream<Item = Result<B, reqwest::Error>> + Unpin + Send + 'static,
        B: AsRef<[u8]> + 'static,
    {
        Self { events: Box::pin(EventStream::new(Lines::new(bytes))), decoder, end: None, over: false }
    }

    /// The first piece. Keeps no time itself.
    pub(super) async fn first(&mut self) -> Result<Piece, Fault> {
        let first = std::future::poll_fn(|cx| self.poll_piece(cx, &mut None)).await;
        first.unwrap_or_else(|| Err(Fault::broken("no reply")))
    }

    /// The next piece, then the end, then nothing. Each event takes `waiting_until` away, whether it brings text or not.
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        waiting_until: &mut Option<Instant>,
    ) -> Poll<Option<Result<Piece, Fault>>> {
        if let Some(end) = self.end.take() {
            return Poll::Ready(Some(Ok(Piece::End(end))));
        }
        while !self.over {
            let event = ready!(self.events.as_mut().poll_next(cx));
            *waiting_until = None;
            match event {
                Some(Ok(event)) => match self.decoder.read(&event.event, &event.data) {
                    Ok(text) if text.is_empty() => {}
                    Ok(text) => return Poll::Ready(Some(Ok(Piece::Text(text)))),
                    Err(fault) => return Poll::Ready(Some(self.close(Some(fault)))),
                },
                Some(Err(error)) => return Poll::Ready(Some(self.close(Some(of_events(error))))),
                None => return Poll::Ready(Some(self.close(None))),
            }
        }
        Poll::Ready(None)
    }

    pub(super) fn progress(&self) -> Progress {
        self.decoder.progress()
    }

    /// What the call took, as far as it is known by now.
    pub(super) fn usage(&self) -> Usage {
        self.decoder.usage()
    }

    /// Ends the reply: whole, if all of the answer was there before this happened.
    pub(super) fn close(&mut self, cause: Option<Fault>) -> Result<Piece, Fault> {
        self.over = true;
        if self.decoder.progress() == Progress::Answering
            && let Some(cause) = cause
        {
            return Err(cause);
        }
        let (text, end) = self.decoder.end()?;
        if text.is_empty() {
            return Ok(Piece::End(end));
        }
        self.end = Some(end);
        Ok(Piece::Text(text))
    }
}

fn of_events(error: EventStreamError<LineError<reqwest::Error>>) -> Fault {
    match error {
        EventStreamError::Transport(error) => error.into(),
        // Whole lines of valid UTF-8 go in, so neither should come out.
        EventStreamError::Utf8(_) | EventStreamError::Parser(_) => Fault::broken("an event cannot be read"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{Error, Finish};
    use futures_util::stream;
    use proptest::prelude::*;

    /// Everything that real servers do oddly, in one stream: a byte order mark, comments, all three line ends, fields
    /// without a space, data over two lines, an unknown field, usage in a chunk without choices, no end to the last line.
    const NASTY: &str = concat!(
        "\u{FEFF}: OPENROUTER PROCESSING\r\n\r\n",
        "event: message\nid: 7\nretry: 10\n",
        "data:{\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null}}]}\r\n\r\n",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"음…\",\"content\":\"\"}}]}\r\r",
        "data: {\"choices\":[{\"delta\":{\"content\":\"<think>🤔</th\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"ink>\\n하늘은 \"}}]}\n\n",
        ": keep-alive\r\r",
        "data: {\"choices\":[{\"delta\":\r\ndata: {\"content\":[{\"type\":\"text\",\"text\":\"왜 \"}]}}]}\r\n\r\n",
        "error: null\ndata: {\"choices\":[{\"delta\":{\"content\":\"파랄까요? 👩‍🔬\"},\"x\":[[]]}],\"error\":null}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"eos_token\"}]}\n\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4},\"model\":\"m-1\"}\n\n",
        "data: [DONE]",
    );

    async fn read<B: AsRef<[u8]> + Send + 'static>(chunks: Vec<B>) -> Result<(String, End), Error> {
        let bytes = stream::iter(chunks.into_iter().map(Ok));
        let mut reading = Reading::new(bytes, Decoder::new("asked", 9));
        let mut text = String::new();
        loop {
            let piece = std::future::poll_fn(|cx| reading.poll_piece(cx, &mut None)).await;
            match piece.expect("an end or an error comes before nothing").map_err(|fault| fault.error)? {
                Piece::Text(more) => text.push_str(&more),
                Piece::End(end) => return Ok((text, end)),
            }
        }
    }

    fn expected() -> (String, End) {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, ..Usage::default() };
        ("하늘은 왜 파랄까요? 👩‍🔬".to_owned(), End { finish: Finish::Stop, model: "m-1".to_owned(), usage })
    }

    #[tokio::test]
    async fn a_reply_split_at_any_byte_is_the_same_reply() {
        let bytes = NASTY.as_bytes();
        for at in 0..=bytes.len() {
            assert_eq!(read(vec![&bytes[..at], &bytes[at..]]).await, Ok(expected()), "split at {at}");
        }
    }

    #[tokio::test]
    async fn a_reply_that_drips_byte_by_byte_is_the_same_reply() {
        assert_eq!(read(NASTY.bytes().map(|byte| [byte]).collect()).await, Ok(expected()));
    }

    #[tokio::test]
    async fn a_reply_cut_at_any_byte_is_whole_from_its_finish_reason_on_and_broken_before() {
        let bytes = NASTY.as_bytes();
        let finish = NASTY.find("eos_token").expect("it is there") + "eos_token\"}]}".len();
        for at in 0..bytes.len() {
            let text = read(vec![&bytes[..at]]).await.map(|(text, _)| text);
            let wanted = if at < finish { Err(Error::Broken) } else { Ok(expected().0) };
            assert_eq!(text, wanted, "cut at {at}");
        }
    }

    proptest! {
        #[test]
        fn a_reply_split_at_random_is_the_same_reply(mut at in prop::collection::vec(0..=NASTY.len(), 2..12)) {
            at.sort_unstable();
            let ends = at.iter().copied().chain([NASTY.len()]);
            let starts = std::iter::once(0).chain(at.iter().copied());
            let chunks = starts.zip(ends).map(|(from, to)| &NASTY.as_bytes()[from..to]).collect();
            prop_assert_eq!(block_on(read(chunks)), Ok(expected()));
        }

        #[test]
        fn no_bytes_make_it_panic_or_run_on(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..12)) {
            prop_assert_eq!(block_on(read(chunks)), Err(Error::Broken));
        }

        #[test]
        fn no_damage_makes_it_panic(at in 0..NASTY.len(), byte in any::<u8>()) {
            let mut bytes = NASTY.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = block_on(read(vec![bytes]));
        }
    }

    fn block_on<F: std::future::Future>(future: F) -> F::Output {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
    }
}
