//! The shared view of one turn, and the difference between two moments of it.

use std::sync::Arc;

use super::{Event, Status};

/// All there is of a turn, each part with the version that last changed it.
pub(super) struct View {
    version: u64,
    status: (u64, Status),
    text: String,
    blocks: Vec<(u64, Arc<str>)>,
    feedback: Option<(u64, Arc<str>)>,
    ended: bool,
}

/// What a follower has seen.
pub(super) struct Seen {
    version: u64,
    text: usize,
}

impl View {
    pub(super) fn new(status: Status) -> Self {
        Self { version: 1, status: (1, status), text: String::new(), blocks: Vec::new(), feedback: None, ended: false }
    }

    pub(super) fn add(&mut self, text: &str, blocks: impl IntoIterator<Item = (usize, Arc<str>)>) {
        self.version += 1;
        self.text.push_str(text);
        for (index, html) in blocks {
            if self.blocks.len() <= index {
                self.blocks.resize(index + 1, (self.version, Arc::from("")));
            }
            self.blocks[index] = (self.version, html);
        }
    }

    pub(super) fn set_feedback(&mut self, json: Arc<str>) {
        self.version += 1;
        self.feedback = Some((self.version, json));
    }

    pub(super) fn set_status(&mut self, status: Status) {
        self.version += 1;
        self.status = (self.version, status);
    }

    pub(super) fn end(&mut self) {
        self.version += 1;
        self.ended = true;
    }

    /// The events that bring a follower from what it has seen to now; none when it has seen all.
    pub(super) fn since(&self, seen: Option<&Seen>) -> (Vec<Event>, Seen) {
        let now = Seen { version: self.version, text: self.text.len() };
        let mut events = match seen {
            Some(seen) if seen.version == self.version => return (Vec::new(), now),
            Some(seen) => self.changes(seen),
            None => vec![Event::Snapshot {
                status: self.status.1,
                blocks: self.blocks.iter().map(|(_, html)| html.clone()).collect(),
                feedback: self.feedback.as_ref().map(|(_, json)| json.clone()),
            }],
        };
        if self.ended {
            events.push(Event::End);
        }
        (events, now)
    }

    fn changes(&self, seen: &Seen) -> Vec<Event> {
        let mut events = Vec::new();
        // Text is only ever appended by whole pieces, so the old length is a character boundary.
        if let Some(text) = self.text.get(seen.text..).filter(|text| !text.is_empty()) {
            events.push(Event::Delta { text: text.to_owned() });
        }
        for (index, (version, html)) in self.blocks.iter().enumerate() {
            if *version > seen.version {
                events.push(Event::Block { index, html: html.clone() });
            }
        }
        if let Some((version, json)) = &self.feedback
            && *version > seen.version
        {
            events.push(Event::Feedback { json: json.clone() });
        }
        if self.status.0 > seen.version {
            events.push(Event::State { status: self.status.1 });
        }
        events
    }
}
