//! The order of a turn's two calls: the chat's goes out first, so that a server that works on one request after the other
//! begins with it.

use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use llm::RequestProgress;

/// A request that was written this long ago counts as arrived, even if the server hasn't answered yet. It is ten times the
/// latency of a network within a country, and too short to delay feedback noticeably.
const LONGEST_WAY: Duration = Duration::from_millis(250);
/// The same for a server that is known to work on several requests at a time. There the order matters only while all its
/// slots are in use.
const USUAL_WAY: Duration = Duration::from_millis(5);

/// The chat's side. Dropping it lets the tutor go ahead.
#[derive(Debug)]
pub struct ChatGate {
    progress: RequestProgress,
    begun: CancellationToken,
}

/// The tutor's side.
#[derive(Debug)]
pub struct TutorGate {
    progress: RequestProgress,
    begun: CancellationToken,
}

/// The two sides for one turn.
#[must_use]
pub fn call_order() -> (ChatGate, TutorGate) {
    let (progress, begun) = (RequestProgress::default(), CancellationToken::new());
    (ChatGate { progress: progress.clone(), begun: begun.clone() }, TutorGate { progress, begun })
}

impl ChatGate {
    /// The progress of the chat's request, which can be watched after this gate is dropped.
    #[must_use]
    pub fn watch(&self) -> RequestProgress {
        self.progress.clone()
    }

    /// The progress to update while the request is sent.
    pub(super) fn progress(&self) -> &RequestProgress {
        &self.progress
    }
}

impl Drop for ChatGate {
    fn drop(&mut self) {
        self.begun.cancel();
    }
}

impl TutorGate {
    /// Waits until the server has the chat's request; where `few_slots`, until its answer began. Also returns when the
    /// chat's call failed.
    ///
    /// The two requests use different connections, which don't preserve their order. So the wait lasts until the server has
    /// responded, or until the request was written long enough ago.
    pub(super) async fn wait(&self, few_slots: bool, works_in_parallel: bool) {
        if few_slots {
            return self.begun.cancelled().await;
        }
        let arrived = async {
            self.progress.written.cancelled().await;
            sleep(if works_in_parallel { USUAL_WAY } else { LONGEST_WAY }).await;
        };
        tokio::select! {
            () = self.progress.accepted.cancelled() => {}
            () = arrived => {}
            () = self.begun.cancelled() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::FutureExt;
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_tutor_waits_until_the_server_has_the_chats_request() {
        let (chat_gate, tutor_gate) = call_order();
        let mut wait = pin!(tutor_gate.wait(false, false));
        advance(Duration::from_secs(60)).await;
        assert_eq!(wait.as_mut().now_or_never(), None, "the chat's connection is still being made");
        chat_gate.progress().written.cancel();
        assert_eq!(wait.as_mut().now_or_never(), None, "the request is on its way");
        chat_gate.progress().accepted.cancel();
        assert_eq!(wait.now_or_never(), Some(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_tutor_does_not_wait_for_the_first_word_of_a_server_that_is_silent_before_it() {
        for (works_in_parallel, way) in [(false, LONGEST_WAY), (true, USUAL_WAY)] {
            let (chat_gate, tutor_gate) = call_order();
            let mut wait = pin!(tutor_gate.wait(false, works_in_parallel));
            chat_gate.progress().written.cancel();
            assert_eq!(wait.as_mut().now_or_never(), None);
            advance(way).await;
            assert_eq!(wait.now_or_never(), Some(()));
        }
    }

    #[tokio::test]
    async fn where_slots_are_few_the_tutor_waits_for_the_first_word_or_the_failure() {
        let (chat_gate, tutor_gate) = call_order();
        let mut wait = pin!(tutor_gate.wait(true, true));
        chat_gate.progress().written.cancel();
        chat_gate.progress().accepted.cancel();
        assert_eq!(wait.as_mut().now_or_never(), None);
        drop(chat_gate);
        assert_eq!(wait.now_or_never(), Some(()));
        let (chat_gate, tutor_gate) = call_order();
        drop(chat_gate);
        assert_eq!(tutor_gate.wait(false, false).now_or_never(), Some(()));
    }

    #[test]
    fn a_call_that_ends_before_it_is_sent_is_not_marked_as_written() {
        let (chat_gate, _follower) = call_order();
        let progress = chat_gate.watch();
        drop(chat_gate);
        assert!(!progress.written.is_cancelled());
    }
}
