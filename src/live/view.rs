//! The view of one turn, and the difference between two of its versions.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    StoredOutcome,
    event::{Event, Status},
};

/// The content of a turn, each part with the version that last changed it. Version 0 is a view without content.
#[derive(Default)]
pub(super) struct View {
    version: u64,
    status: Option<(u64, Status)>,
    text: String,
    blocks: Vec<(u64, Arc<str>)>,
    feedback: Option<(u64, Arc<str>)>,
    thinking: (u64, bool),
    /// The version of the last withdrawal of text, and how many there were. A follower with an older version gets the whole
    /// view.
    withdrawn: (u64, u32),
    ended: bool,
}

/// The version of a view that a follower has.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    version: u64,
    text: usize,
}

/// The changes between two versions; from version 0, the whole view.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Change {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) status: Option<Status>,
    /// Text that was added at the end.
    pub(super) text: String,
    pub(super) blocks: Vec<(usize, Arc<str>)>,
    pub(super) feedback: Option<Arc<str>>,
    pub(super) ended: bool,
    /// The version before sends neither this nor the next.
    #[serde(default)]
    pub(super) thinking: Option<bool>,
    /// How many withdrawals of text precede this change.
    #[serde(default)]
    pub(super) withdrawn: u32,
}

impl View {
    pub(super) fn new(status: Status) -> Self {
        Self { version: 1, status: Some((1, status)), ..Self::default() }
    }

    pub(super) fn add(&mut self, text: &str, blocks: impl IntoIterator<Item = (usize, Arc<str>)>) {
        self.version += 1;
        self.text.push_str(text);
        for (index, html) in blocks {
            self.set_block(index, html);
        }
    }

    pub(super) fn withdraw(&mut self) {
        self.version += 1;
        self.text.clear();
        self.blocks.clear();
        self.withdrawn = (self.version, self.withdrawn.1 + 1);
    }

    pub(super) fn set_thinking(&mut self, thinking: bool) {
        self.version += 1;
        self.thinking = (self.version, thinking);
    }

    pub(super) fn set_feedback(&mut self, json: Arc<str>) {
        self.version += 1;
        self.feedback = Some((self.version, json));
    }

    pub(super) fn set_status(&mut self, status: Status) {
        if self.status.as_ref().is_some_and(|(_, known)| *known == status) {
            return;
        }
        self.version += 1;
        self.status = Some((self.version, status));
    }

    pub(super) fn end(&mut self) {
        self.version += 1;
        self.ended = true;
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Applies a change of another view, which has versions of its own. Equal parts keep their version, so that followers
    /// don't receive them twice.
    pub(super) fn apply(&mut self, change: Change) {
        if self.ended {
            return;
        }
        self.version += 1;
        if change.withdrawn > self.withdrawn.1 {
            self.text.clear();
            self.blocks.clear();
            self.withdrawn = (self.version, change.withdrawn);
        }
        if change.from > 0 {
            self.text.push_str(&change.text);
        } else if change.text.starts_with(&self.text) {
            self.text = change.text;
        }
        for (index, html) in change.blocks {
            if self.blocks.get(index).is_none_or(|(_, known)| *known != html) {
                self.set_block(index, html);
            }
        }
        if let Some(json) = change.feedback.filter(|json| self.feedback.as_ref().is_none_or(|(_, known)| known != json))
        {
            self.feedback = Some((self.version, json));
        }
        if let Some(thinking) = change.thinking.filter(|thinking| *thinking != self.thinking.1) {
            self.thinking = (self.version, thinking);
        }
        if let Some(status) =
            change.status.filter(|status| self.status.as_ref().is_none_or(|(_, known)| known != status))
        {
            self.status = Some((self.version, status));
        }
        self.ended = change.ended;
    }

    /// Applies the stored outcome of a turn, and ends. What is shown and not stored is withdrawn, such as text that a content
    /// filter stopped.
    pub(super) fn conclude(&mut self, outcome: StoredOutcome) {
        let StoredOutcome { status, answer, feedback } = outcome;
        let mut change = Change { status: Some(status), feedback, ended: true, ..Change::default() };
        if let Some(answer) = answer {
            let shows_more = !answer.text.starts_with(&self.text)
                || self.blocks.iter().skip(answer.blocks.len()).any(|(_, html)| !html.is_empty());
            change.withdrawn = self.withdrawn.1 + u32::from(shows_more);
            change.text = answer.text;
            change.blocks = answer.blocks.into_iter().enumerate().collect();
        }
        self.apply(change);
    }

    fn set_block(&mut self, index: usize, html: Arc<str>) {
        if self.blocks.len() <= index {
            self.blocks.resize(index + 1, (self.version, Arc::from("")));
        }
        self.blocks[index] = (self.version, html);
    }

    /// The changes since the version of a follower, and the new version; `None` if there are none.
    pub(super) fn since(&self, seen: &Seen) -> Option<(Change, Seen)> {
        if seen.version == self.version {
            return None;
        }
        // A change to withdrawn text can't be applied.
        let seen = if seen.version < self.withdrawn.0 { &Seen::default() } else { seen };
        let news = |version: u64| version > seen.version;
        let change = Change {
            from: seen.version,
            to: self.version,
            status: self.status.as_ref().filter(|(version, _)| news(*version)).map(|(_, status)| status.clone()),
            // Text is only ever appended by whole pieces, so the old length is a character boundary.
            text: self.text.get(seen.text..).unwrap_or_default().to_owned(),
            blocks: (self.blocks.iter().enumerate())
                .filter(|(_, (version, _))| news(*version))
                .map(|(index, (_, html))| (index, html.clone()))
                .collect(),
            feedback: self.feedback.as_ref().filter(|(version, _)| news(*version)).map(|(_, json)| json.clone()),
            ended: self.ended,
            thinking: Some(self.thinking.1).filter(|_| news(self.thinking.0)),
            withdrawn: self.withdrawn.1,
        };
        Some((change, Seen { version: self.version, text: self.text.len() }))
    }
}

impl Change {
    /// The change as events; the whole view is a snapshot.
    pub(super) fn into_events(self) -> Vec<Event> {
        let Self { from, to: _, status, text, blocks, feedback, ended, thinking, withdrawn: _ } = self;
        let mut events = Vec::new();
        if from == 0 {
            let blocks = blocks.into_iter().map(|(_, html)| html).collect();
            let status = status.unwrap_or(Status::new("accepted", None));
            events.push(Event::Snapshot { status, blocks, feedback, thinking: thinking.unwrap_or_default() });
        } else {
            if !text.is_empty() {
                events.push(Event::Delta { text });
            }
            events.extend(blocks.into_iter().map(|(index, html)| Event::Block { index, html }));
            events.extend(feedback.map(|json| Event::Feedback { json }));
            events.extend(thinking.map(|thinking| Event::Thinking { thinking }));
            events.extend(status.map(|status| Event::State { status }));
        }
        if ended {
            events.push(Event::End);
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::StoredAnswer;

    fn blocks(html: &[&str]) -> Vec<Arc<str>> {
        html.iter().map(|html| Arc::from(*html)).collect()
    }

    /// The blocks on the page of a follower of a view with this text and these blocks, after its turn ended like this.
    fn page_after(text: &str, shown: &[&str], answer: Option<StoredAnswer>) -> Vec<Arc<str>> {
        let mut view = View::new(Status::new("answering", None));
        view.add(text, blocks(shown).into_iter().enumerate());
        let (_, seen) = view.since(&Seen::default()).unwrap();
        view.conclude(StoredOutcome { status: Status::new("failed", None), answer, feedback: None });
        let mut page = blocks(shown);
        for event in view.since(&seen).unwrap().0.into_events() {
            match event {
                Event::Snapshot { blocks, .. } => page = blocks,
                Event::Block { index, html } => {
                    page.resize(page.len().max(index + 1), Arc::from(""));
                    page[index] = html;
                }
                _ => {}
            }
        }
        page
    }

    #[test]
    fn after_a_conclusion_a_follower_shows_what_is_stored() {
        let views: [(&str, &[&str]); 5] = [
            ("", &[]),
            ("나쁜 말", &["<p>나쁜 말</p>"]),
            ("가", &["<p>가</p>"]),
            ("가\n\n나", &["<p>가</p>", "<p>나</p>"]),
            ("가\n\n나", &["<pre>가 나</pre>"]),
        ];
        for (text, shown) in views {
            for (stored_text, stored) in views {
                let answer = StoredAnswer { text: stored_text.to_owned(), blocks: blocks(stored) };
                assert_eq!(page_after(text, shown, Some(answer)), blocks(stored), "{text} {stored_text}");
            }
            assert_eq!(page_after(text, shown, None), blocks(shown), "the instance was lost with its answer");
        }
    }
}
