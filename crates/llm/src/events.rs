//! Assembles the lines of a reply into server-sent events, as the HTML standard parses them (§9.2.6). The data of each event
//! has a limit.

use super::lines::{LineError, Lines, MAX_EVENT_BYTES};
use futures_util::Stream;
use serde::de::IgnoredAny;
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The data of the last event.
const DONE: &str = "[DONE]";

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
    /// A field `event` behind whole data: it belongs to the next event if more data follows, and to this one if not.
    next_kind: Option<String>,
    /// Events that are read and not yet returned.
    ready: VecDeque<Event>,
}

impl<S> Events<S> {
    pub(super) fn new(bytes: S) -> Self {
        Self { lines: Lines::new(bytes), event: Event::default(), next_kind: None, ready: VecDeque::new() }
    }

    /// Reads a line; an empty one ends the event. An event without data is dropped.
    ///
    /// Some servers write no empty line, or no `data:` (NDJSON). So a line that is a JSON object is an event if another
    /// object follows, and `[DONE]` is one at once.
    fn read<E>(&mut self, line: &str) -> Result<(), LineError<E>> {
        if line.is_empty() {
            if let Some(kind) = self.next_kind.take() {
                self.event.kind = kind;
            }
            self.end_event();
            return Ok(());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" if is_object_on_one_line(&self.event.data) => self.next_kind = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event.kind),
            "data" => {
                let is_done = value.trim_end() == DONE;
                let may_begin = is_done || value.starts_with('{') || self.next_kind.is_some();
                if may_begin && is_object_on_one_line(&self.event.data) {
                    self.end_event();
                    self.event.kind = self.next_kind.take().unwrap_or_default();
                }
                if self.event.data.len() + value.len() >= MAX_EVENT_BYTES {
                    return Err(LineError::TooLong);
                }
                self.event.data.extend([value, "\n"]);
                if is_done && self.event.data.len() == value.len() + 1 {
                    self.end_event();
                }
            }
            // A comment (no name), or a field that is not used.
            _ => {}
        }
        Ok(())
    }

    fn end_event(&mut self) {
        let mut event = std::mem::take(&mut self.event);
        if event.data.pop().is_some() {
            self.ready.push_back(event);
        }
    }
}

/// Whether an event's data so far is one line with a whole JSON object. Blank lines may follow it.
fn is_object_on_one_line(data: &str) -> bool {
    let Some((first, rest)) = data.split_once('\n') else { return false };
    first.starts_with('{') && rest.trim().is_empty() && serde_json::from_str::<IgnoredAny>(first).is_ok()
}

impl<S, B, E> Stream for Events<S>
where
    S: Stream<Item = Result<B, E>> + Unpin,
    B: AsRef<[u8]>,
{
    type Item = Result<Event, LineError<E>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            let Some(line) = ready!(Pin::new(&mut self.lines).poll_next(cx)?) else { return Poll::Ready(None) };
            self.read(&line)?;
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
            // Without empty lines, and without `data:`.
            (
                "data: {\"a\":1}\ndata: {\"b\":2}\ndata: [DONE]\n",
                vec![("", "{\"a\":1}"), ("", "{\"b\":2}"), ("", "[DONE]")],
            ),
            ("data: {\"a\":\ndata: {\"b\":2}}\n\ndata: [DONE]\n\n", vec![("", "{\"a\":\n{\"b\":2}}"), ("", "[DONE]")]),
            (
                "data: {\"a\":1}\nevent: error\ndata: {\"b\":2}\nevent: error\ndata: no\n",
                vec![("", "{\"a\":1}"), ("error", "{\"b\":2}"), ("error", "no")],
            ),
            ("event: a\ndata: {\"a\":1}\nevent: b\nid: 1\ndata: [DONE]\n", vec![("a", "{\"a\":1}"), ("b", "[DONE]")]),
            ("data: {\"a\":1}\nevent: error\n\ndata: b\n\n", vec![("error", "{\"a\":1}"), ("", "b")]),
            ("data: {\"a\":\nevent: error\ndata: 1}\n\n", vec![("error", "{\"a\":\n1}")]),
            ("{\"a\":1}\n{\"b\":2}\n", vec![("", "{\"a\":1}"), ("", "{\"b\":2}")]),
            ("{\n\"a\":\n{\"b\":2}\n}", vec![("", "{\n\"a\":\n{\"b\":2}\n}")]),
        ] {
            let events: Vec<_> = events.into_iter().map(|(kind, data)| (kind.to_owned(), data.to_owned())).collect();
            assert_eq!(read(text).await, events, "{text:?}");
        }
    }
    #[tokio::test]
    async fn the_limit_is_that_of_each_event_and_not_of_the_reply() {
        let object = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1000));
        let count = |unit: String, end: &'static str| async move {
            let bytes = stream::iter(std::iter::repeat_n(Ok::<_, ()>(unit), 1100).chain([Ok(end.to_owned())]));
            let events: Vec<_> = Events::new(bytes).collect().await;
            events.iter().position(Result::is_err).map_or(Ok(events.len()), Err)
        };
        let read = |unit: &str, end| count(unit.to_owned(), end);
        assert_eq!(read(&object, "").await, Ok(1100), "NDJSON");
        assert_eq!(read(&format!("{object}\n"), "").await, Ok(1100), "NDJSON with empty lines");
        assert_eq!(read(&format!("data: {object}"), "data: [DONE]\n").await, Ok(1101), "no empty lines");
        assert_eq!(read(&format!("event: a\ndata: {object}"), "").await, Ok(1100), "with a name");
        assert_eq!(read(&format!("data: {object}\n"), "").await, Ok(1100), "with empty lines");
        assert_eq!(read(&format!(": {object}"), "data: a\n").await, Ok(1), "comments");
        assert_eq!(read(&format!("data:x{object}"), "").await, Err(0), "one event of many lines");
    }
}
