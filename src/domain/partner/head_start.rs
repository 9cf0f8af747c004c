//! The order of a turn's two calls: the chat's goes out first, so that a server with one slot works on it first.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long a written request is given to reach the server before the next one is written.
const ON_THE_WAY: Duration = Duration::from_millis(25);

/// The chat's side. Dropping it lets the tutor go ahead.
#[derive(Debug)]
pub struct Lead {
    sent: CancellationToken,
    begun: CancellationToken,
}

/// The tutor's side.
#[derive(Debug)]
pub struct Follower {
    sent: CancellationToken,
    begun: CancellationToken,
}

/// The two sides for one turn.
#[must_use]
pub fn head_start() -> (Lead, Follower) {
    let (sent, begun) = (CancellationToken::new(), CancellationToken::new());
    (Lead { sent: sent.clone(), begun: begun.clone() }, Follower { sent, begun })
}

impl Lead {
    /// Cancelled when the request is written to its connection.
    pub(super) fn sent(&self) -> &CancellationToken {
        &self.sent
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.sent.cancel();
        self.begun.cancel();
    }
}

impl Follower {
    /// Waits until the chat's request was written; where `few_slots`, until its answer began. Also returns when the
    /// chat's call failed.
    pub(super) async fn wait(&self, few_slots: bool) {
        if few_slots {
            self.begun.cancelled().await;
        } else {
            self.sent.cancelled().await;
            // The two requests take different connections, on which nothing keeps their order.
            let _ = timeout(ON_THE_WAY, self.begun.cancelled()).await;
        }
    }
}
