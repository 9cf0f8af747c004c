//! Live events of running turns: a snapshot of what is there, then what changes.
//!
//! A publisher changes one shared view; each follower remembers which version of it it has seen and pulls the
//! difference when it is ready to send. So there is no queue: a slow follower skips versions and never holds memory,
//! and a new follower, a reconnecting one and one that fell behind are the same thing.
//!
//! With Redis, the view of a turn that runs elsewhere is mirrored: a relay, which is a follower like any other, brings
//! it to Redis, and a feed brings it from there to the instances where somebody looks. Without, or while Redis is away,
//! a mirror only learns how the turn ended, from whoever reads that in the database (see [`LiveEvents::conclude`]).
//!
//! The bus knows no domain types: states and reasons are words, feedback is JSON text.

mod checks;
mod event;
mod feed;
mod hash;
mod relay;
mod turn;
mod view;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::redis::Redis;
pub use checks::PayloadChecks;
pub use event::{Event, Status};
use turn::Live;
pub use turn::{Follower, Publisher};
use view::Change;

/// Describes this module's metrics; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_gauge!("bus_turns", "Turns that can be followed here, those that run elsewhere included");
    metrics::describe_gauge!("bus_mirrors", "Of these, turns that run at another instance");
    metrics::describe_counter!(
        "bus_relay_failures_total",
        "Changes of a turn that did not reach Redis; they are sent anew"
    );
    metrics::counter!("bus_relay_failures_total").increment(0);
}

/// A turn and which try of it: another try is another view.
pub type Key = (Uuid, u32);

/// The turns that are followed or can be followed here.
#[derive(Clone, Default)]
pub struct LiveEvents(Arc<Inner>);

#[derive(Default)]
struct Inner {
    live: Mutex<HashMap<Key, Weak<Live>>>,
    shared: Option<Redis>,
    checks: PayloadChecks,
    /// The relays.
    relays: TaskTracker,
    /// Cancelled when followers of turns that run elsewhere should go there.
    leaving: CancellationToken,
}

/// How a turn ended, as the database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutcome {
    /// The final state.
    pub status: Status,
    /// The answer as Markdown.
    pub text: String,
    /// The answer as safe HTML, block by block.
    pub blocks: Vec<Arc<str>>,
    /// The feedback as JSON, if it's there.
    pub feedback: Option<Arc<str>>,
}

impl LiveEvents {
    /// A bus of this process alone, or one over Redis, from which nothing is taken unchecked.
    #[must_use]
    pub fn new(shared: Option<Redis>, checks: PayloadChecks) -> Self {
        Self(Arc::new(Inner { shared, checks, ..Inner::default() }))
    }

    /// Opens a turn that runs here for followers, wherever they are. A second publisher of one key takes over its name;
    /// followers of the first keep theirs.
    #[must_use]
    pub fn publish(&self, key: Key, status: Status) -> Publisher {
        let live = Arc::new(Live::here(status));
        self.0.lock().insert(key, Arc::downgrade(&live));
        if let Some(shared) = &self.0.shared {
            self.0.relays.spawn(relay::relay(live.clone(), name(key), shared.clone()));
        }
        Publisher { key, live, bus: self.clone() }
    }

    /// Follows a turn that runs here, or that others here follow already, from a snapshot on; `None` if there is none.
    #[must_use]
    pub fn follow(&self, key: Key) -> Option<Follower> {
        let live = self.0.lock().get(&key)?.upgrade()?;
        Some(Follower::new(live, &self.0.leaving))
    }

    /// Follows a turn that runs elsewhere, which the database shows as `stored`.
    #[must_use]
    pub fn follow_elsewhere(&self, key: Key, stored: Status) -> Follower {
        let mut lives = self.0.lock();
        if let Some(live) = lives.get(&key).and_then(Weak::upgrade) {
            drop(lives);
            return Follower::new(live, &self.0.leaving);
        }
        let stop = CancellationToken::new();
        let live = Arc::new(Live::elsewhere(self, key, stop.clone().drop_guard()));
        lives.insert(key, Arc::downgrade(&live));
        drop(lives);
        let follower = Follower::new(live.clone(), &self.0.leaving);
        match &self.0.shared {
            Some(shared) => {
                tokio::spawn(feed::feed(Arc::downgrade(&live), stop, name(key), shared.clone(), self.0.checks, stored));
            }
            None => live.change(|view| view.apply(Change { status: Some(stored), ..Change::default() })),
        }
        follower
    }

    /// The turns that run elsewhere, are followed here, and haven't ended.
    #[must_use]
    pub fn followed_elsewhere(&self) -> Vec<Key> {
        // Dropping the last handle of a mirror takes the lock, so none is dropped while it's held.
        let lives: Vec<(Key, Arc<Live>)> =
            self.0.lock().iter().filter_map(|(key, live)| Some((*key, live.upgrade()?))).collect();
        lives.into_iter().filter(|(_, live)| live.is_mirror() && !live.view().has_ended()).map(|(key, _)| key).collect()
    }

    /// Tells the followers of a turn that runs elsewhere how it ended.
    pub fn conclude(&self, key: Key, ending: StoredOutcome) {
        let live = self.0.lock().get(&key).and_then(Weak::upgrade);
        let Some(live) = live.filter(|live| live.is_mirror()) else { return };
        let StoredOutcome { status, text, blocks, feedback } = ending;
        let blocks = blocks.into_iter().enumerate().collect();
        live.change(|view| {
            let ended = true;
            view.apply(Change { status: Some(status), text, blocks, feedback, ended, ..Change::default() });
        });
    }

    /// Sets what stands at this moment.
    #[expect(clippy::cast_precision_loss, reason = "no instance has so many turns")]
    pub fn set_gauges(&self) {
        metrics::gauge!("bus_turns").set(self.live() as f64);
        metrics::gauge!("bus_mirrors").set(self.followed_elsewhere().len() as f64);
    }

    /// How many turns can be followed here.
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.lock().len()
    }

    /// Closes the streams of those who follow a turn that runs elsewhere, so that they follow it at another instance.
    pub fn leave(&self) {
        self.0.leaving.cancel();
    }

    /// Waits, at most so long, until what was published has reached Redis. Nothing may be published after.
    pub async fn flush(&self, patience: Duration) {
        self.0.relays.close();
        if tokio::time::timeout(patience, self.0.relays.wait()).await.is_err() {
            tracing::warn!("not every last word reached Redis; followers elsewhere read it from the database");
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Weak<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a turn off the list, unless another took its name over.
    fn forget(&self, key: Key, live: &Live) {
        let mut lives = self.lock();
        if lives.get(&key).is_some_and(|named| std::ptr::eq(named.as_ptr(), live)) {
            lives.remove(&key);
        }
    }
}

fn name((turn, attempt): Key) -> String {
    format!("turn:{turn}:{attempt}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWERING: Status = Status::new("answering", None);
    const DONE: Status = Status::new("done", None);

    fn html(index: usize, text: &str) -> (usize, Arc<str>) {
        (index, Arc::from(text))
    }

    #[tokio::test]
    async fn a_follower_gets_a_snapshot_and_then_only_what_changed() {
        let bus = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let publisher = bus.publish(id, ANSWERING);
        publisher.text("a", [html(0, "<p>a</p>")]);

        let mut follower = bus.follow(id).unwrap();
        let snapshot = follower.next().await.unwrap();
        assert_eq!(
            snapshot,
            [Event::Snapshot { status: ANSWERING, blocks: vec!["<p>a</p>".into()], feedback: None, thinking: false }]
        );

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
        let bus = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let publisher = bus.publish(id, ANSWERING);
        let mut follower = bus.follow(id).unwrap();
        follower.next().await.unwrap();

        let waiting = tokio::spawn(async move { follower.next().await });
        publisher.text("x", [html(0, "<p>x</p>")]);
        assert_eq!(waiting.await.unwrap().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_slow_follower_sees_the_last_version_of_each_block_once() {
        let bus = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
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
        let bus = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let first = bus.publish(id, ANSWERING);
        let second = bus.publish(id, Status::new("accepted", None));
        drop(first);
        let mut follower = bus.follow(id).unwrap();
        let Some(Event::Snapshot { status, .. }) = follower.next().await.unwrap().pop() else { panic!("no snapshot") };
        assert_eq!(status.state, "accepted");
        drop(second);
        assert!(bus.follow(id).is_none());
    }
}
