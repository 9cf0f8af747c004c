//! Assembles the lines of a reply into server-sent events, as the HTML standard parses them (§9.2.6).

use super::lines::{LineError, Lines};
use futures_util::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// One server-sent event. `id` and `retry` are not read: a broken reply is never resumed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Event {
    /// The field `event`; empty if the event has none.
    pub(super) kind: String,
    /// The fields `data`, one a line.
    pub(super) data: String,
}

/// A stream of events over a stream of bytes.
#[derive(Debug)]
pub(super) struct Events<S> {
    lines: Lines<S>,
    /// The event that is being read.
    event: Event,
}

impl<S> Events<S> {
    pub(super) fn new(bytes: S) -> Self {
        Self { lines: Lines::new(bytes), event: Event::default() }
    }

    /// Reads a line; an empty one ends the event. An event without data is dropped.
    fn read(&mut self, line: &str) -> Option<Event> {
        if line.is_empty() {
            let mut event = std::mem::take(&mut self.event);
            event.data.pop()?;
            return Some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.kind),
            "data" => self.event.data.extend([value, "\n"]),
            // A comment (no name), or a field that is not used.
            _ => {}
        }
        None
    }
}

impl<S, B, E> Stream for Events<S>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
{
    type Item = Result<Event, LineError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let Some(line) = ready!(Pin::new(&mut self.lines).poll_next(cx)?) else { return Poll::Ready(None) };
            if let Some(event) = self.read(&line) {
                return Poll::Ready(Some(Ok(event)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};

    async fn read(text: &str) -> Vec<(String, String)> {
        let bytes = stream::iter([Ok::<_, ()>(text.to_owned())]);
        Events::new(bytes).map(|event| event.map(|event| (event.kind, event.data)).unwrap()).collect().await
    }

    #[tokio::test]
    async fn fields_become_events() {
        for (text, events) in [
            ("data: a\n\n", vec![("", "a")]),
            ("data:a\ndata:  b\ndata\n\n", vec![("", "a\n b\n")]),
            ("event: error\ndata: {}\n\ndata: b\n\n", vec![("error", "{}"), ("", "b")]),
            (": comment\nid: 7\nretry: 9\nother\ndata: a:b\n\n", vec![("", "a:b")]),
            ("event: ping\n\ndata: a", vec![("", "a")]),
            ("Data: a\n data: b\n\n", vec![]),
            ("data:\n\n", vec![("", "")]),
        ] {
            let events: Vec<_> = events.into_iter().map(|(kind, data)| (kind.to_owned(), data.to_owned())).collect();
            assert_eq!(read(text).await, events, "{text:?}");
        }
    }
}
