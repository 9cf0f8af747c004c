//! From Redis to an instance whose students follow a turn that runs elsewhere.

use std::sync::Weak;

use tokio_util::sync::CancellationToken;

use super::{PayloadChecks, Status, hash, turn::Live, view::Change};
use crate::redis::Redis;

/// More blocks than any answer has. Whoever can write to Redis must not make this instance run out of memory.
const MOST_BLOCKS: usize = 10_000;

/// Keeps a mirror up to date until it has ended or nobody looks at it: first what Redis keeps, then each change. A
/// change that doesn't fit what is known means that one was missed; then everything is read again.
pub(super) async fn feed(
    live: Weak<Live>,
    stop: CancellationToken,
    name: String,
    shared: Redis,
    checks: PayloadChecks,
    stored: Status,
) {
    let feeding = async {
        let mut messages = shared.subscribe(&name).await;
        let mut reconnects = shared.reconnects();
        let mut feed = Feed { live, name, shared, checks, known: 0 };
        if !feed.read_all().await {
            // Nothing is kept yet, or any more. What the database says is enough to begin with.
            feed.apply(Change { status: Some(stored), ..Change::default() });
        }
        while !feed.has_ended() {
            tokio::select! {
                message = messages.next() => feed.hear(&message).await,
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
    live: Weak<Live>,
    name: String,
    shared: Redis,
    checks: PayloadChecks,
    /// The publisher's version that is known here.
    known: u64,
}

impl Feed {
    async fn hear(&mut self, message: &str) {
        let change = serde_json::from_str::<Change>(message).ok();
        let Some(change) = change.filter(|change| change.blocks.iter().all(|(index, _)| *index < MOST_BLOCKS)) else {
            tracing::warn!("a message on a turn's channel can't be read");
            return;
        };
        if change.from == 0 || change.from == self.known {
            self.known = change.to;
            self.apply(self.checks.check(change));
        } else if change.to > self.known {
            self.read_all().await;
        }
    }

    /// Whether anything was there.
    async fn read_all(&mut self) -> bool {
        let Ok((fields, text)) = self.shared.get(&self.name).await else { return false };
        let Some(change) = hash::whole(&fields, text) else { return false };
        self.known = change.to;
        self.apply(self.checks.check(change));
        true
    }

    fn apply(&self, change: Change) {
        if let Some(live) = self.live.upgrade() {
            live.change(|view| view.apply(change));
        }
    }

    fn has_ended(&self) -> bool {
        self.live.upgrade().is_none_or(|live| live.view().has_ended())
    }
}
