//! How turns ended that students follow here and that run elsewhere, read from the database. The bus tells of it at
//! once; this is for when it can't: Redis is away, or the instance died.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::{engine::Engine, parts::Parts};
use crate::{
    engine::rendered::RenderedAnswers,
    live::{Key, Status, StoredOutcome},
};
use domain::TurnId;
use domain::turn::{Reason, Turn, TurnState};
use store::StoreError;

/// How often those turns are looked up, all in one query.
const WATCH_EVERY: Duration = Duration::from_secs(1);

impl Engine {
    /// Looks after them until the engine has ended.
    pub(super) async fn watch(self) {
        let mut watch = interval(WATCH_EVERY);
        watch.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.0.gone.cancelled() => return,
                _ = watch.tick() => {}
            }
            let followed = self.0.parts.bus.followed_elsewhere();
            if followed.is_empty() {
                continue;
            }
            if let Err(error) = self.look_up(&followed).await {
                // That the database is away is told to the log once, where the lease is renewed.
                tracing::debug!(error = &error as &dyn std::error::Error, "followed turns can't be looked up");
            }
        }
    }

    /// Tells the followers of those turns that have ended how.
    pub(super) async fn look_up(&self, keys: &[Key]) -> Result<(), StoreError> {
        let Parts { store, bus, instance_lease, rendered, .. } = &self.0.parts;
        let turns: Vec<TurnId> = keys.iter().map(|(turn, _)| TurnId(*turn)).collect();
        let turn_statuses = store.turn_statuses(&turns).await?;
        instance_lease.record_answer();
        for key in keys {
            let status = turn_statuses.iter().find(|status| status.turn.0 == key.0);
            let ending = match status {
                Some(status) if status.attempt == key.1 && status.state.is_running() => continue,
                Some(status) if status.attempt == key.1 => match store.turn_of_anyone(status.turn).await? {
                    Some(turn) => ending(turn, rendered).await,
                    None => without_answer(TurnState::Cancelled),
                },
                // It runs once more; this try of it is over.
                Some(_) => without_answer(TurnState::Interrupted),
                // Deleted.
                None => without_answer(TurnState::Cancelled),
            };
            bus.conclude(*key, ending);
        }
        Ok(())
    }
}

async fn ending(turn: Turn, rendered: &RenderedAnswers) -> StoredOutcome {
    let blocks = rendered.blocks(&turn).await.unwrap_or_default().to_vec();
    let text = turn.answer;
    let feedback = turn.feedback.and_then(|feedback| serde_json::to_string(&feedback).ok()).map(Into::into);
    StoredOutcome { status: Status::new(turn.state.as_str(), turn.reason.map(Reason::as_str)), text, blocks, feedback }
}

fn without_answer(state: TurnState) -> StoredOutcome {
    StoredOutcome { status: Status::new(state.as_str(), None), text: String::new(), blocks: Vec::new(), feedback: None }
}
