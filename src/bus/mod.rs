//! Live events of running turns: a snapshot of what is there, then what changes.
//!
//! A publisher changes one shared view; each follower remembers which version of it it has seen and pulls the
//! difference when it is ready to send. So there is no queue: a slow follower skips versions and never holds memory,
//! and a new follower, a reconnecting one and one that fell behind are the same thing.
//!
//! The bus knows no domain types: states and reasons are words, feedback is JSON text.

mod event;
mod view;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::watch;
use uuid::Uuid;

pub use event::{Event, Status};
use view::{Seen, View};

/// The live turns of this process.
#[derive(Clone, Default)]
pub struct Bus(Arc<Mutex<HashMap<Uuid, Weak<Live>>>>);

/// One live turn. It lives as long as its publisher or a follower does.
struct Live {
    view: Mutex<View>,
    changed: watch::Sender<()>,
}

impl Bus {
    /// Opens a turn for followers. A second publisher of one id takes over its name; followers of the first keep theirs.
    #[must_use]
    pub fn publish(&self, id: Uuid, status: Status) -> Publisher {
        let live = Arc::new(Live { view: Mutex::new(View::new(status)), changed: watch::Sender::new(()) });
        lock(&self.0).insert(id, Arc::downgrade(&live));
        Publisher { id, live, bus: self.clone() }
    }

    /// Follows a live turn from a snapshot on; `None` when no such turn is live here.
    #[must_use]
    pub fn follow(&self, id: Uuid) -> Option<Follower> {
        let live = lock(&self.0).get(&id)?.upgrade()?;
        let changed = live.changed.subscribe();
        Some(Follower { live, changed, seen: None, ended: false })
    }

    /// How many turns are live.
    #[must_use]
    pub fn live(&self) -> usize {
        lock(&self.0).len()
    }
}

/// The one who changes a turn's view. Dropping it ends every follower's stream.
pub struct Publisher {
    id: Uuid,
    live: Arc<Live>,
    bus: Bus,
}

impl Publisher {
    /// Adds text of the answer, together with the blocks it changed: `(index, html)` each.
    pub fn text(&self, text: &str, blocks: impl IntoIterator<Item = (usize, Arc<str>)>) {
        self.change(|view| view.add(text, blocks));
    }

    /// Sets the feedback, as JSON text.
    pub fn feedback(&self, json: Arc<str>) {
        self.change(|view| view.set_feedback(json));
    }

    /// Sets where the turn stands.
    pub fn status(&self, status: Status) {
        self.change(|view| view.set_status(status));
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut lock(&self.live.view));
        self.live.changed.send_replace(());
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        let mut live = lock(&self.bus.0);
        // A retry may have taken the name over meanwhile.
        if live.get(&self.id).is_some_and(|named| std::ptr::eq(named.as_ptr(), Arc::as_ptr(&self.live))) {
            live.remove(&self.id);
        }
        drop(live);
        self.change(View::end);
    }
}

/// One subscriber of a turn.
pub struct Follower {
    live: Arc<Live>,
    changed: watch::Receiver<()>,
    seen: Option<Seen>,
    ended: bool,
}

impl Follower {
    /// What is new: first a snapshot, later the changes since the call before, joined. Waits until there is
    /// something; `None` after [`Event::End`]. Cancel-safe.
    pub async fn next(&mut self) -> Option<Vec<Event>> {
        if self.ended {
            return None;
        }
        loop {
            self.changed.mark_unchanged();
            let (events, seen) = lock(&self.live.view).since(self.seen.as_ref());
            if !events.is_empty() {
                self.ended = matches!(events.last(), Some(Event::End));
                self.seen = Some(seen);
                return Some(events);
            }
            // The sender lives in `self.live`, so waiting can't fail.
            self.changed.changed().await.ok()?;
        }
    }
}

/// A view is only ever changed by whole assignments, so a panic elsewhere leaves nothing half-done in it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERING: Status = Status { state: "answering", reason: None };
    const DONE: Status = Status { state: "done", reason: None };

    fn html(index: usize, text: &str) -> (usize, Arc<str>) {
        (index, Arc::from(text))
    }

    #[tokio::test]
    async fn a_follower_gets_a_snapshot_and_then_only_what_changed() {
        let bus = Bus::default();
        let id = Uuid::now_v7();
        let publisher = bus.publish(id, ANSWERING);
        publisher.text("a", [html(0, "<p>a</p>")]);

        let mut follower = bus.follow(id).unwrap();
        let snapshot = follower.next().await.unwrap();
        assert_eq!(snapshot, [Event::Snapshot { status: ANSWERING, blocks: vec!["<p>a</p>".into()], feedback: None }]);

        publisher.text("b", [html(0, "<p>ab</p>")]);
        publisher.text("\n\nc", [html(1, "<p>c</p>")]);
        assert_eq!(
            follower.next().await.unwrap(),
            [
                Event::Delta { text: "b\n\nc".into() },
                Event::Block { index: 0, html: "<p>ab</p>".into() },
                Event::Block { index: 1, html: "<p>c</p>".into() },
            ]
        );

        publisher.feedback("{}".into());
        publisher.status(DONE);
        drop(publisher);
        assert_eq!(
            follower.next().await.unwrap(),
            [Event::Feedback { json: "{}".into() }, Event::State { status: DONE }, Event::End]
        );
        assert_eq!(follower.next().await, None);
        assert!(bus.follow(id).is_none());
        assert_eq!(bus.live(), 0);
    }

    #[tokio::test]
    async fn a_follower_waits_until_something_changes() {
        let bus = Bus::default();
        let id = Uuid::now_v7();
        let publisher = bus.publish(id, ANSWERING);
        let mut follower = bus.follow(id).unwrap();
        follower.next().await.unwrap();

        let waiting = tokio::spawn(async move { follower.next().await });
        publisher.text("x", [html(0, "<p>x</p>")]);
        assert_eq!(waiting.await.unwrap().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_slow_follower_sees_the_last_version_of_each_block_once() {
        let bus = Bus::default();
        let id = Uuid::now_v7();
        let publisher = bus.publish(id, ANSWERING);
        let mut follower = bus.follow(id).unwrap();
        follower.next().await.unwrap();
        for n in 0..1_000 {
            publisher.text("x", [html(0, &format!("<p>{n}</p>"))]);
        }
        let events = follower.next().await.unwrap();
        assert_eq!(
            events,
            [Event::Delta { text: "x".repeat(1_000) }, Event::Block { index: 0, html: "<p>999</p>".into() }]
        );
    }

    #[tokio::test]
    async fn a_second_publisher_of_one_turn_is_the_one_that_is_found() {
        let bus = Bus::default();
        let id = Uuid::now_v7();
        let first = bus.publish(id, ANSWERING);
        let second = bus.publish(id, Status { state: "accepted", reason: None });
        drop(first);
        let mut follower = bus.follow(id).unwrap();
        let Some(Event::Snapshot { status, .. }) = follower.next().await.unwrap().pop() else { panic!("no snapshot") };
        assert_eq!(status.state, "accepted");
        drop(second);
        assert!(bus.follow(id).is_none());
    }
}
