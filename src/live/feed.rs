//! Mirrors a turn that runs at another instance: reads its view from Redis and applies each published change.

use std::sync::Weak;

use tokio_util::sync::CancellationToken;

use super::{checks::PayloadChecks, event::Status, hash, turn::LiveTurn, view::Change};
use crate::redis::Redis;

/// More blocks than any answer has. A writer to Redis must not be able to exhaust the memory of this instance.
const MOST_BLOCKS: usize = 10_000;

/// Updates a mirror until the turn has ended or has no follower: first with the stored view, then with each change. A
/// change that doesn't follow the known version means that one was missed; then the view is read again.
pub(super) async fn feed(
    turn: Weak<LiveTurn>,
    stop: CancellationToken,
    name: String,
    redis: Redis,
    checks: PayloadChecks,
    stored: Status,
) {
    let feeding = async {
        let mut messages = redis.subscribe(&name).await;
        let mut reconnects = redis.reconnects();
        let mut feed = Feed { turn, name, redis, checks, known: 0 };
        if !feed.read_all().await {
            // Redis has no view of the turn. The status in the database is enough to begin with.
            feed.apply(Change { status: Some(stored), ..Change::default() });
        }
        while !feed.has_ended() {
            tokio::select! {
                message = messages.next() => feed.apply_message(&message).await,
                () = reconnects.next() => {
                    feed.read_all().await;
                }
            }
        }
    };
    tokio::select! {
        () = feeding => {}
        () = stop.cancelled() => {}
    }
}

struct Feed {
    turn: Weak<LiveTurn>,
    name: String,
    redis: Redis,
    checks: PayloadChecks,
    /// The last version of the publisher's view that was applied here.
    known: u64,
}

impl Feed {
    async fn apply_message(&mut self, message: &str) {
        let change = serde_json::from_str::<Change>(message).ok();
        let Some(change) = change.filter(|change| change.blocks.iter().all(|(index, _)| *index < MOST_BLOCKS)) else {
            tracing::warn!("a message on a turn's channel can't be read");
            return;
        };
        match next_step(self.known, &change) {
            Step::Skip => {}
            Step::Apply => self.apply_version(change),
            Step::ReadAll => {
                self.read_all().await;
            }
        }
    }

    /// Reads the whole view; `false` if there is none.
    async fn read_all(&mut self) -> bool {
        let Ok((fields, text)) = self.redis.get(&self.name).await else { return false };
        let Some(change) = hash::whole(&fields, text) else { return false };
        // A replica may have an older view than the one that is known.
        if next_step(self.known, &change) == Step::Apply {
            self.apply_version(change);
        }
        true
    }

    fn apply_version(&mut self, change: Change) {
        self.known = change.to;
        self.apply(self.checks.check(change));
    }

    fn apply(&self, change: Change) {
        if let Some(turn) = self.turn.upgrade() {
            turn.change(|view| view.apply(change));
        }
    }

    fn has_ended(&self) -> bool {
        self.turn.upgrade().is_none_or(|turn| turn.view().has_ended())
    }
}

/// What to do with a change.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nothing: it leads to a version that is known.
    Skip,
    /// It follows the known version, or it is the whole view.
    Apply,
    /// A change before it was missed.
    ReadAll,
}

/// The versions of a publisher's view only rise.
fn next_step(known: u64, change: &Change) -> Step {
    match change {
        Change { to, .. } if *to <= known => Step::Skip,
        Change { from, .. } if *from == 0 || *from == known => Step::Apply,
        _ => Step::ReadAll,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_to_a_version_that_is_known_is_skipped() {
        let step = |known, from, to| next_step(known, &Change { from, to, ..Change::default() });
        assert_eq!(step(0, 0, 3), Step::Apply);
        assert_eq!(step(3, 3, 4), Step::Apply);
        assert_eq!(step(3, 4, 5), Step::ReadAll);
        // Both were published before the whole view was read at version 4.
        assert_eq!(step(4, 0, 3), Step::Skip);
        assert_eq!(step(4, 3, 4), Step::Skip);
        assert_eq!(step(4, 0, 6), Step::Apply);
        assert_eq!(step(4, 3, 6), Step::ReadAll);
    }
}
