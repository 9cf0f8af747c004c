//! A page that applies the events of a turn.

use llm_classroom::live::{Event, Follower, Status};

use crate::soon;

pub struct Page {
    follower: Follower,
    pub snapshots: usize,
    /// Whether another snapshot may come, which withdraws text.
    pub may_withdraw: bool,
    pub thinking: bool,
    pub status: Option<Status>,
    /// The text after the snapshot.
    pub text: String,
    pub blocks: Vec<String>,
    pub feedback: Option<String>,
    pub ended: bool,
}

impl Page {
    pub fn new(follower: Follower) -> Self {
        Self {
            follower,
            snapshots: 0,
            may_withdraw: false,
            thinking: false,
            status: None,
            text: String::new(),
            blocks: Vec::new(),
            feedback: None,
            ended: false,
        }
    }

    /// Applies new events; `false` once the stream is closed.
    pub async fn step(&mut self) -> bool {
        let Some(events) = soon(self.follower.next()).await else { return false };
        assert!(!events.is_empty());
        for event in events {
            self.play(event);
        }
        true
    }

    /// Applies events until the page meets a condition.
    pub async fn until(&mut self, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            assert!(self.step().await, "the stream closed with {:?} {:?}", self.status, self.blocks);
        }
    }

    /// Applies events until the stream is closed.
    pub async fn until_the_end(&mut self) {
        self.until(|page| page.ended).await;
        assert!(!self.step().await);
    }

    fn play(&mut self, event: Event) {
        assert!(!self.ended, "{event:?} after the end");
        match event {
            Event::Snapshot { status, blocks, feedback, thinking } => {
                assert!(self.snapshots == 0 || self.may_withdraw, "one snapshot");
                self.text.clear();
                self.thinking = thinking;
                self.snapshots += 1;
                self.status = Some(status);
                self.blocks = blocks.iter().map(ToString::to_string).collect();
                self.feedback = feedback.map(|json| json.to_string());
            }
            Event::Delta { text } => self.text += &text,
            Event::Block { index, html } => {
                if self.blocks.len() <= index {
                    self.blocks.resize(index + 1, String::new());
                }
                self.blocks[index] = html.to_string();
            }
            Event::Feedback { json } => self.feedback = Some(json.to_string()),
            Event::Thinking { thinking } => self.thinking = thinking,
            Event::State { status } => self.status = Some(status),
            Event::End => self.ended = true,
        }
        assert!(self.snapshots > 0, "the snapshot comes first");
    }
}
