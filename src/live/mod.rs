//! Live events of running turns: a snapshot of what is there, then what changes.
//!
//! A publisher changes one view of a turn; each follower remembers the version that it has and pulls the difference when
//! it is ready to send. So there is no queue: a slow follower skips versions and costs no memory, and a new follower, a
//! reconnecting one and one that fell behind are treated alike.
//!
//! With Redis, the view of a turn at another instance is mirrored: a relay, which is a follower like any other, sends it to
//! Redis, and a feed reads it from there at the instances with followers. Without Redis, or during its outage, a mirror
//! only receives the outcome of the turn, which the engine reads from the database (see [`LiveEvents::conclude`]).
//!
//! This module knows no domain types: states and reasons are words, feedback is JSON text.

mod checks;
mod event;
mod feed;
mod hash;
mod relay;
mod turn;
mod view;

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::redis::Redis;
pub use checks::PayloadChecks;
pub use event::{Event, Status};
pub use turn::{Follower, Key, Publisher};
use turn::{LiveTurn, Registry};
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

/// The turns that can be followed here. Clones share them.
#[derive(Clone, Default)]
pub struct LiveEvents(Arc<Inner>);

#[derive(Default)]
struct Inner {
    turns: Arc<Registry>,
    redis: Option<Redis>,
    checks: PayloadChecks,
    /// The relays.
    relays: TaskTracker,
    /// Cancelled when followers of turns at other instances have to reconnect there.
    leaving: CancellationToken,
}

/// The outcome of a turn, as stored in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutcome {
    /// The final state.
    pub status: Status,
    /// The answer; `None` if none was stored because the instance was lost. Then what is shown of it stays.
    pub answer: Option<StoredAnswer>,
    /// The feedback as JSON, if it's there.
    pub feedback: Option<Arc<str>>,
}

/// An answer, as stored in the database. It is empty if it was withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// As Markdown.
    pub text: String,
    /// As safe HTML, block by block.
    pub blocks: Vec<Arc<str>>,
}

impl LiveEvents {
    /// Events within this process or, with Redis, of all instances. `checks` are applied to all data from Redis.
    #[must_use]
    pub fn new(redis: Option<Redis>, checks: PayloadChecks) -> Self {
        Self(Arc::new(Inner { redis, checks, ..Inner::default() }))
    }

    /// Registers a turn that runs here, so that it can be followed at all instances. A second publisher of one key
    /// replaces the first; followers of the first stay with it.
    #[must_use]
    pub fn publish(&self, key: Key, status: Status) -> Publisher {
        let turn = Arc::new(LiveTurn::here(status));
        self.0.turns.lock().insert(key, Arc::downgrade(&turn));
        if let Some(redis) = &self.0.redis {
            self.0.relays.spawn(relay::relay(turn.clone(), name(key), redis.clone()));
        }
        Publisher { key, turn, registry: self.0.turns.clone() }
    }

    /// Follows a turn that runs here or is mirrored here already; `None` if there is none.
    #[must_use]
    pub fn follow(&self, key: Key) -> Option<Follower> {
        Some(Follower::new(self.0.turns.get(key)?, &self.0.leaving))
    }

    /// Follows a turn that runs at another instance and has the status `stored` in the database.
    #[must_use]
    pub fn follow_elsewhere(&self, key: Key, stored: Status) -> Follower {
        let mut turns = self.0.turns.lock();
        if let Some(turn) = turns.get(&key).and_then(Weak::upgrade) {
            drop(turns);
            return Follower::new(turn, &self.0.leaving);
        }
        let stop = CancellationToken::new();
        let turn = Arc::new(LiveTurn::elsewhere(&self.0.turns, key, stop.clone().drop_guard()));
        turns.insert(key, Arc::downgrade(&turn));
        drop(turns);
        let follower = Follower::new(turn.clone(), &self.0.leaving);
        match &self.0.redis {
            Some(redis) => {
                tokio::spawn(feed::feed(Arc::downgrade(&turn), stop, name(key), redis.clone(), self.0.checks, stored));
            }
            None => turn.change(|view| view.apply(Change { status: Some(stored), ..Change::default() })),
        }
        follower
    }

    /// The turns that run at other instances, are followed here, and haven't ended.
    #[must_use]
    pub fn followed_elsewhere(&self) -> Vec<Key> {
        // Dropping the last handle of a mirror acquires the lock, so none is dropped while it's held.
        let turns: Vec<(Key, Arc<LiveTurn>)> =
            self.0.turns.lock().iter().filter_map(|(key, turn)| Some((*key, turn.upgrade()?))).collect();
        turns.into_iter().filter(|(_, turn)| turn.is_mirror() && !turn.view().has_ended()).map(|(key, _)| key).collect()
    }

    /// Sends the outcome of a turn at another instance to its followers here.
    pub fn conclude(&self, key: Key, outcome: StoredOutcome) {
        let Some(turn) = self.0.turns.get(key).filter(|turn| turn.is_mirror()) else { return };
        turn.change(|view| view.conclude(outcome));
    }

    /// Sets the gauges to their current values.
    #[expect(clippy::cast_precision_loss, reason = "no instance has so many turns")]
    pub fn set_gauges(&self) {
        metrics::gauge!("bus_turns").set(self.count() as f64);
        metrics::gauge!("bus_mirrors").set(self.followed_elsewhere().len() as f64);
    }

    /// How many turns can be followed here.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.turns.lock().len()
    }

    /// Ends the streams of followers of turns at other instances, so that they reconnect to another instance.
    pub fn leave(&self) {
        self.0.leaving.cancel();
    }

    /// Waits, at most for `limit`, until all changes have reached Redis. Nothing may be published afterwards.
    pub async fn flush(&self, limit: Duration) {
        self.0.relays.close();
        if tokio::time::timeout(limit, self.0.relays.wait()).await.is_err() {
            tracing::warn!(
                "the last changes of some turns did not reach Redis; followers elsewhere read them from the database"
            );
        }
    }
}

fn name((turn, attempt): Key) -> String {
    format!("turn:{turn}:{attempt}")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ANSWERING: Status = Status::new("answering", None);
    const DONE: Status = Status::new("done", None);

    fn html(index: usize, text: &str) -> (usize, Arc<str>) {
        (index, Arc::from(text))
    }

    #[tokio::test]
    async fn a_follower_gets_a_snapshot_and_then_only_what_changed() {
        let live_events = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let publisher = live_events.publish(id, ANSWERING);
        publisher.text("a", [html(0, "<p>a</p>")]);

        let mut follower = live_events.follow(id).unwrap();
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
        assert!(live_events.follow(id).is_none());
        assert_eq!(live_events.count(), 0);
    }

    #[tokio::test]
    async fn a_follower_waits_until_something_changes() {
        let live_events = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let publisher = live_events.publish(id, ANSWERING);
        let mut follower = live_events.follow(id).unwrap();
        follower.next().await.unwrap();

        let waiting = tokio::spawn(async move { follower.next().await });
        publisher.text("x", [html(0, "<p>x</p>")]);
        assert_eq!(waiting.await.unwrap().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_slow_follower_sees_the_last_version_of_each_block_once() {
        let live_events = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let publisher = live_events.publish(id, ANSWERING);
        let mut follower = live_events.follow(id).unwrap();
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
        let live_events = LiveEvents::default();
        let id = (Uuid::now_v7(), 1);
        let first = live_events.publish(id, ANSWERING);
        let second = live_events.publish(id, Status::new("accepted", None));
        drop(first);
        let mut follower = live_events.follow(id).unwrap();
        let Some(Event::Snapshot { status, .. }) = follower.next().await.unwrap().pop() else { panic!("no snapshot") };
        assert_eq!(status.state, "accepted");
        drop(second);
        assert!(live_events.follow(id).is_none());
    }
}
