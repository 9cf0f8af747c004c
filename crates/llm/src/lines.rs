//! Cuts a reply's bytes into whole lines.
//!
//! A line ends with LF, CR or CR LF, and is returned without them as soon as the first of these bytes arrives. A byte
//! order mark at the beginning is dropped. Bytes that are not UTF-8 are marked (see `lenient`). Each line has a limit.

use super::lenient::stray_byte;
use futures_util::Stream;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The longest line, and the most data of one event (see `events`).
pub(super) const MAX_EVENT_BYTES: usize = 1024 * 1024;

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Why a reply's bytes can't be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum LineError<E> {
    /// A line or an event is larger than [`MAX_EVENT_BYTES`].
    TooLong,
    /// The reply is a page, not a stream of events.
    Markup,
    /// The connection failed.
    Transport(E),
}

/// What the first letter says the reply is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shape {
    Unknown,
    /// Server-sent events.
    Events,
    /// One JSON document, from a server that ignores `stream`; handed on as one event.
    Document,
}

/// A stream of whole lines over a stream of bytes.
#[derive(Debug)]
pub(super) struct Lines<S> {
    bytes: S,
    shape: Shape,
    /// The line being read.
    line: Vec<u8>,
    /// The last byte was a CR: an LF right behind belongs to it.
    after_cr: bool,
    ready: VecDeque<String>,
    over: bool,
}

impl<S> Lines<S> {
    pub(super) fn new(bytes: S) -> Self {
        let (line, ready) = (Vec::new(), VecDeque::new());
        Self { bytes, shape: Shape::Unknown, line, after_cr: false, ready, over: false }
    }

    fn push<E>(&mut self, mut chunk: &[u8]) -> Result<(), LineError<E>> {
        if let [first, rest @ ..] = chunk
            && std::mem::take(&mut self.after_cr)
            && *first == b'\n'
        {
            chunk = rest;
        }
        while let Some(at) = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.extend(&chunk[..at])?;
            self.end_line()?;
            let after = &chunk[at + 1..];
            chunk = match (chunk[at], after) {
                (b'\r', [b'\n', rest @ ..]) => rest,
                (b'\r', []) => {
                    self.after_cr = true;
                    after
                }
                _ => after,
            };
        }
        self.extend(chunk)
    }

    fn extend<E>(&mut self, part: &[u8]) -> Result<(), LineError<E>> {
        if self.line.len() + part.len() > MAX_EVENT_BYTES {
            return Err(LineError::TooLong);
        }
        self.line.extend_from_slice(part);
        Ok(())
    }

    fn end_line<E>(&mut self) -> Result<(), LineError<E>> {
        let mut line = String::from_utf8(std::mem::take(&mut self.line)).unwrap_or_else(|line| marked(line.as_bytes()));
        if self.shape == Shape::Unknown {
            let text = line.trim_start_matches('\u{FEFF}').trim_start();
            self.shape = match text.bytes().next() {
                None => return Ok(()),
                Some(b'{' | b'[') => Shape::Document,
                Some(b'<') => return Err(LineError::Markup),
                Some(_) => Shape::Events,
            };
            line = text.to_owned();
        }
        if self.shape == Shape::Document {
            line.insert_str(0, "data:");
        }
        self.ready.push_back(line);
        Ok(())
    }

    /// Ends the last line and the last event. A server may close the connection without the line ends behind them.
    fn end<E>(&mut self) -> Result<(), LineError<E>> {
        if !self.line.is_empty() {
            self.end_line()?;
        }
        self.ready.push_back(String::new());
        Ok(())
    }

    /// Whether the unfinished first line shows already that no event will come, however long it grows.
    fn is_markup(&self) -> bool {
        self.shape == Shape::Unknown
            && self.line.strip_prefix(BOM).unwrap_or(&self.line).trim_ascii_start().starts_with(b"<")
    }
}

/// A line with its bytes that aren't UTF-8 marked: the text in it may go on in the next event.
fn marked(line: &[u8]) -> String {
    let mut text = String::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().copied().map(stray_byte));
    }
    text
}

impl<S, B, E> Stream for Lines<S>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
{
    type Item = Result<String, LineError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(line)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let outcome = match ready!(Pin::new(&mut self.bytes).poll_next(cx)) {
                Some(Ok(chunk)) => self.push(chunk.as_ref()),
                Some(Err(error)) => Err(LineError::Transport(error)),
                None => {
                    self.over = true;
                    self.end()
                }
            };
            let outcome = outcome.and_then(|()| if self.is_markup() { Err(LineError::Markup) } else { Ok(()) });
            if let Err(error) = outcome {
                self.over = true;
                self.ready.clear();
                return Poll::Ready(Some(Err(error)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};

    async fn read(chunks: &[&[u8]]) -> Result<String, LineError<()>> {
        let chunks: Vec<Result<Vec<u8>, ()>> = chunks.iter().map(|chunk| Ok(chunk.to_vec())).collect();
        Lines::new(stream::iter(chunks))
            .map(|line| line.map(|line| line + "\n"))
            .collect::<Vec<_>>()
            .await
            .into_iter()
            .collect()
    }

    #[tokio::test]
    async fn every_line_end_becomes_lf_even_when_split() {
        for chunks in [&[b"data:a\r\n\r\ndata:b".as_slice()][..], &[b"data:a\r", b"\n\r", b"", b"\ndata:b\r"]] {
            assert_eq!(read(chunks).await.unwrap(), "data:a\n\ndata:b\n\n");
        }
        assert_eq!(read(&[b"data:a\r\rdata:b\r\r"]).await.unwrap(), "data:a\n\ndata:b\n\n\n");
    }

    #[tokio::test]
    async fn a_byte_order_mark_goes_and_a_second_one_does_no_harm() {
        assert_eq!(read(&[b"\xEF", b"\xBB\xBFdata:a\n\n"]).await.unwrap(), "data:a\n\n\n");
        assert_eq!(read(&[b"\xEF\xBB\xBF\xEF\xBB\xBFdata:a\n"]).await.unwrap(), "data:a\n\n");
    }

    #[tokio::test]
    async fn a_document_becomes_one_event() {
        assert_eq!(
            read(&[b"\n{\n \"a\": 1,\n", b"\n \"b\": 2\n}"]).await.unwrap(),
            "data:{\ndata: \"a\": 1,\ndata:\ndata: \"b\": 2\ndata:}\n\n"
        );
    }

    #[tokio::test]
    async fn what_is_not_an_event_stream_is_refused() {
        assert_eq!(read(&[b" <!doctype html"]).await, Err(LineError::Markup));
        assert_eq!(read(&[&vec![b'x'; MAX_EVENT_BYTES + 1]]).await, Err(LineError::TooLong));
        let line = [b"data:".as_slice(), &vec![b'x'; 1000], b"\n"].concat();
        assert!(read(&vec![line.as_slice(); 1100]).await.is_ok(), "many lines");
    }

    #[tokio::test]
    async fn bytes_that_are_not_utf8_are_marked() {
        let mark = |byte| stray_byte(byte).to_string();
        assert_eq!(read(&[b"data: \xFFa\n"]).await.unwrap(), format!("data: {}a\n\n", mark(0xFF)));
        let half = format!("data: {}{}\n\n", mark(0xEC), mark(0x95));
        assert_eq!(read(&[b"data: \xEC\x95"]).await.unwrap(), half);
    }

    #[tokio::test]
    async fn nothing_follows_an_error() {
        let chunks = [Ok(b"data:a\n".to_vec()), Err("cut"), Ok(b"data:b\n".to_vec())];
        let lines: Vec<_> = Lines::new(stream::iter(chunks)).collect().await;
        assert_eq!(lines, [Ok("data:a".to_owned()), Err(LineError::Transport("cut"))]);
    }
}
