//! Reads one reply: bytes to pieces. The time limits are in `answer`.

use super::decoder::{DecodedEvent, Decoder, ReplyProgress};
use super::error::TimeoutPhase;
use super::events::{Event, Events};
use super::fault::Fault;
use super::lines::LineError;
use super::window::Windows;
use super::{Piece, Usage};
use futures_util::{Stream, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

type EventStream = dyn Stream<Item = Result<Event, LineError<reqwest::Error>>> + Send;

/// A reply's events, decoded.
pub(super) struct ReplyReader {
    events: Pin<Box<EventStream>>,
    /// Whether bytes arrived since this was last read, be it only a comment.
    received_bytes: Arc<AtomicBool>,
    decoder: Decoder,
    ready: VecDeque<Piece>,
    /// The last piece was [`Piece::Thinking`].
    is_thinking: bool,
    over: bool,
}

impl ReplyReader {
    pub(super) fn new<S, B>(bytes: S, decoder: Decoder) -> Self
    where
        S: Stream<Item = Result<B, reqwest::Error>> + Unpin + Send + 'static,
        B: AsRef<[u8]> + 'static,
    {
        let received_bytes = Arc::new(AtomicBool::new(false));
        let received = received_bytes.clone();
        let bytes = bytes.inspect(move |_| received.store(true, Ordering::Relaxed));
        let events = Box::pin(Events::new(bytes));
        Self { events, received_bytes, decoder, ready: VecDeque::new(), is_thinking: false, over: false }
    }

    /// Waits for the first piece: until `first_at`, extended to `limit` from each time the server sends something, and
    /// never beyond `total_at`.
    pub(super) async fn first(
        &mut self,
        first_at: Instant,
        limit: Duration,
        total_at: Instant,
    ) -> Result<Piece, Fault> {
        let mut waiting_until = Some(first_at);
        loop {
            let now = Instant::now();
            let silent_at = *waiting_until.get_or_insert(now + limit);
            let at = silent_at.min(total_at);
            let phase = if total_at <= silent_at { TimeoutPhase::Total } else { TimeoutPhase::FirstToken };
            let moved = std::future::poll_fn(|cx| match self.poll_piece(cx, &mut waiting_until) {
                Poll::Ready(piece) => Poll::Ready(Some(piece)),
                Poll::Pending if waiting_until.is_none() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            });
            // Checks the clock, too: a server that never stops sending would never let a timer fire.
            match timeout_at(at, moved).await {
                _ if now >= at => return Err(Fault::timed_out(phase)),
                Err(_) => return Err(Fault::timed_out(phase)),
                Ok(Some(piece)) => return piece.unwrap_or_else(|| Err(Fault::broken("no reply"))),
                Ok(None) => {}
            }
        }
    }

    /// Polls for the next piece. The last one is the end. Anything that the server sends clears `waiting_until`: text,
    /// thoughts or a comment.
    pub(super) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
        waiting_until: &mut Option<Instant>,
    ) -> Poll<Option<Result<Piece, Fault>>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(piece)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let event = self.events.as_mut().poll_next(cx);
            if self.received_bytes.swap(false, Ordering::Relaxed) {
                *waiting_until = None;
            }
            match ready!(event) {
                Some(Ok(event)) => match self.decoder.read(&event.kind, &event.data) {
                    Ok(decoded) => self.queue_pieces(decoded),
                    Err(fault) => return Poll::Ready(Some(self.close(Some(fault)))),
                },
                Some(Err(error)) => return Poll::Ready(Some(self.close(Some(error.into())))),
                None => return Poll::Ready(Some(self.close(None))),
            }
        }
    }

    fn queue_pieces(&mut self, decoded: DecodedEvent) {
        let DecodedEvent { withdrawn, text, is_thinking } = decoded;
        if withdrawn {
            self.ready.push_back(Piece::Withdrawn);
        }
        if !text.is_empty() {
            self.is_thinking = false;
            self.ready.push_back(Piece::Text(text));
        } else if is_thinking && !std::mem::replace(&mut self.is_thinking, true) {
            self.ready.push_back(Piece::Thinking);
        }
    }

    pub(super) fn progress(&self) -> ReplyProgress {
        self.decoder.progress()
    }

    /// Records whether the model writes thoughts. An incomplete reply without thoughts is no evidence.
    pub(super) fn learn_thinking(&self, windows: &Windows) {
        if self.decoder.has_thought() {
            windows.record_thinking(self.decoder.asked_model());
        } else if self.over {
            windows.record_plain_answer(self.decoder.asked_model());
        }
    }

    /// The tokens of the call so far.
    pub(super) fn usage(&self) -> Usage {
        self.decoder.usage()
    }

    /// Ends the reply. It is complete if the whole answer had arrived before `cause`.
    pub(super) fn close(&mut self, cause: Option<Fault>) -> Result<Piece, Fault> {
        self.over = true;
        if self.decoder.progress() == ReplyProgress::Answering
            && let Some(cause) = cause
        {
            return Err(cause);
        }
        let (decoded, end) = self.decoder.end()?;
        self.queue_pieces(decoded);
        self.ready.push_back(Piece::End(end));
        self.ready.pop_front().ok_or_else(|| Fault::broken("no reply"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{End, Error, Finish};
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
        let mut reader = ReplyReader::new(bytes, Decoder::new("asked", 9));
        let mut text = String::new();
        loop {
            let piece = std::future::poll_fn(|cx| reader.poll_piece(cx, &mut None)).await;
            match piece.expect("an end or an error comes before nothing").map_err(|fault| fault.error)? {
                Piece::Text(more) => text.push_str(&more),
                Piece::Thinking => {}
                Piece::Withdrawn => text.clear(),
                Piece::End(end) => return Ok((text, end)),
            }
        }
    }

    fn expected() -> (String, End) {
        let usage = Usage { prompt_tokens: 3, completion_tokens: 4, ..Usage::default() };
        (
            "하늘은 왜 파랄까요? 👩‍🔬".to_owned(),
            End { finish: Finish::Stop, model: "m-1".to_owned(), asked_model: "asked".to_owned(), usage },
        )
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

    const PATIENCE: Duration = Duration::from_secs(30);

    /// The first piece of what is written with a pause before each.
    async fn first(writes: &[&'static str], pause: Duration) -> Result<Piece, Error> {
        let writes: Vec<_> = writes.iter().map(|write| Ok(*write)).collect();
        let bytes = stream::iter(writes).then(move |write| async move {
            tokio::time::sleep(pause).await;
            write
        });
        let mut reader = ReplyReader::new(Box::pin(bytes), Decoder::new("asked", 9));
        let now = Instant::now();
        let first = reader.first(now + PATIENCE, PATIENCE, now + 10 * PATIENCE).await;
        first.map_err(|fault| fault.error)
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_runs_into_the_limit_of_the_first_word() {
        let text = "data: {\"choices\":[{\"delta\":{\"content\":\"네\"}}]}\n\n";
        let thought = "data: {\"choices\":[{\"delta\":{\"reasoning\":\"음\"}}]}\n\n";
        let said = Ok(Piece::Text("네".to_owned()));
        let pause = PATIENCE - Duration::from_secs(1);
        for quiet in [": keep-alive\n\n", "\n", "data: {}\n\n", ":", "event: ping\n\n"] {
            assert_eq!(first(&[quiet, quiet, quiet, "\n\n", text], pause).await, said, "{quiet}");
        }
        assert_eq!(first(&[": hm\n\n", thought, text], pause).await, Ok(Piece::Thinking));
        assert_eq!(
            first(&[text], PATIENCE + Duration::from_secs(1)).await,
            Err(Error::Timeout(TimeoutPhase::FirstToken))
        );
        assert_eq!(
            first(&[":\n\n", text], PATIENCE + Duration::from_secs(1)).await,
            Err(Error::Timeout(TimeoutPhase::FirstToken))
        );
        assert_eq!(first(&[": hm\n\n"; 20], pause).await, Err(Error::Timeout(TimeoutPhase::Total)));
    }

    #[tokio::test]
    async fn thoughts_are_told_once_and_withdrawn_text_begins_anew() {
        let delta = |delta: &str| format!("data: {{\"choices\":[{{\"delta\":{delta}}}]}}\n\n");
        let writes = [
            r#"{"reasoning":"음"}"#,
            r#"{"reasoning":"음"}"#,
            r#"{"content":"그러니까"}"#,
            r#"{"content":"</think>"}"#,
            r#"{"content":"답"}"#,
        ];
        let mut reply: String = writes.map(delta).concat();
        reply.push_str("data: [DONE]\n\n");
        let mut reader = ReplyReader::new(stream::iter([Ok(reply)]), Decoder::new("asked", 9));
        let mut pieces = Vec::new();
        while let Some(piece) = std::future::poll_fn(|cx| reader.poll_piece(cx, &mut None)).await {
            pieces.push(piece.map_err(|fault| fault.error).unwrap());
        }
        let text = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces[..4], [Piece::Thinking, text("그러니까"), Piece::Withdrawn, text("답")]);
        assert!(matches!(pieces[4..], [Piece::End(_)]));
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
