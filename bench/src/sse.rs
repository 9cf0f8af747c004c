//! Server-sent events.

use crate::http::Connection;

/// The events of a response's body.
#[derive(Default)]
pub struct Events {
    received: Vec<u8>,
    /// Where the next event begins.
    at: usize,
}

/// An event.
#[derive(Debug, PartialEq, Eq)]
pub struct Event<'a> {
    /// Its type; empty if it names none.
    pub name: &'a str,
    /// Its data, which all servers here write in one line.
    pub data: &'a str,
}

impl Events {
    /// The next event; `None` at the end of the body.
    pub async fn next(&mut self, connection: &mut Connection) -> anyhow::Result<Option<Event<'_>>> {
        loop {
            if let Some((begin, end)) = self.advance() {
                return Ok(Some(parse(str::from_utf8(&self.received[begin..end])?)));
            }
            self.received.drain(..self.at);
            self.at = 0;
            if !connection.read_part(&mut self.received).await? {
                return Ok(None);
            }
        }
    }

    /// Where the next whole event with data is.
    fn advance(&mut self) -> Option<(usize, usize)> {
        loop {
            let rest = &self.received[self.at..];
            // Some servers end lines with CR LF.
            let (end, next) = rest.windows(2).enumerate().find_map(|(at, pair)| match pair {
                b"\n\n" => Some((at, at + 2)),
                b"\n\r" if rest.get(at + 2) == Some(&b'\n') => Some((at, at + 3)),
                _ => None,
            })?;
            let (begin, end) = (self.at, self.at + end);
            self.at += next;
            // Comments keep a connection alive.
            if self.received[begin..end].starts_with(b":") || begin == end {
                continue;
            }
            return Some((begin, end));
        }
    }
}

fn parse(text: &str) -> Event<'_> {
    let mut event = Event { name: "", data: "" };
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("event:") {
            event.name = name.trim();
        } else if let Some(data) = line.strip_prefix("data:") {
            event.data = data.trim();
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_whatever_their_line_ends() {
        let received = b": hello\n\nid: 0\nevent: a\ndata: {}\n\ndata: 1\r\n\r\nevent: half".to_vec();
        let mut events = Events { received, at: 0 };
        let mut next =
            || events.advance().map(|(begin, end)| str::from_utf8(&events.received[begin..end]).unwrap().to_owned());
        let first = next().unwrap();
        assert_eq!(parse(&first), Event { name: "a", data: "{}" });
        let second = next().unwrap();
        assert_eq!(parse(&second), Event { name: "", data: "1" });
        assert_eq!(next(), None);
    }
}
