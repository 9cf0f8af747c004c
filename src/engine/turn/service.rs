//! The entrance to the turn engine: asks, retries, cancels and follows turns.

use std::sync::Arc;

use tokio::sync::oneshot;
use tracing::Instrument as _;

use super::{
    admission::Admission,
    cancel::TurnCanceller,
    handover::Handover,
    instance_lease::InstanceLease,
    reader::{Following, FoundTurn, TurnReader},
    refusal::AskError,
    repeat::{Lookup, RepeatLookup, Reservation},
    run::Runner,
    running::RunningTurns,
    turn_metrics::{self, Gauges},
};
use crate::{engine::budgets::Budgets, lifecycle::Lifecycle};
use domain::turn::Turn;
use domain::{ConversationId, LearnerId, Locale, StudentMessage, TurnId};
use store::{Acceptance, Lease, Retry, Store, StoreError, now};

/// Asks, retries, cancels and follows turns. Cheap to clone.
#[derive(Clone)]
pub struct TurnService(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) lease: InstanceLease,
    pub(super) lifecycle: Lifecycle,
    pub(super) budgets: Budgets,
    pub(super) admission: Admission,
    pub(super) running: Arc<RunningTurns>,
    pub(super) runner: Runner,
    pub(super) reader: TurnReader,
    pub(super) canceller: TurnCanceller,
    pub(super) handover: Handover,
    pub(super) repeats: RepeatLookup,
}

impl TurnService {
    /// Accepts a message: when this returns, the message is on disk and its turn runs, even if the caller goes away. The
    /// reservation is that of [`Self::find_question`]. A turn of the conversation that only waits for its feedback ends,
    /// and the coach writes its feedback.
    ///
    /// # Errors
    /// [`AskError`] if the message was not accepted.
    pub async fn ask(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: StudentMessage,
        reservation: Reservation,
        locale: Locale,
    ) -> Result<Turn, AskError> {
        let slot = self.0.handover.admit_to(learner, conversation).await?;
        let this = self.clone();
        self.detached(async move {
            let key = reservation.key();
            let store = &this.0.store;
            let lease = this.lease()?;
            let accept = || store.accept_turn(learner, conversation, &message, key, lease, now());
            let obstacle = |acceptance: &Acceptance| match acceptance {
                Acceptance::Busy(turn) => Some(*turn),
                _ => None,
            };
            match this.0.handover.accept(learner, accept, obstacle).await? {
                Acceptance::New(turn, conversation) => {
                    this.0.runner.start(turn.clone(), lease, conversation, locale, slot);
                    Ok(turn)
                }
                Acceptance::Same(turn) => Ok(turn),
                Acceptance::KeyReused => Err(AskError::KeyReused),
                Acceptance::Busy(turn) => Err(AskError::Busy(turn)),
                Acceptance::NoConversation => Err(AskError::NotFound),
            }
        })
        .await
    }

    /// Retries a turn that failed, was cancelled or was interrupted. Two calls at once start it once. The reservation is
    /// that of [`Self::find_retry`].
    ///
    /// # Errors
    /// [`AskError`] if it was not started again.
    pub async fn retry(
        &self,
        learner: LearnerId,
        turn: TurnId,
        reservation: Reservation,
        locale: Locale,
    ) -> Result<Turn, AskError> {
        let conversation = self.find_turn(learner, turn).await?.ok_or(AskError::NotFound)?.conversation;
        let slot = self.0.handover.admit_to(learner, conversation).await?;
        let this = self.clone();
        self.detached(async move {
            let _reservation = reservation;
            let store = &this.0.store;
            // Everything that a run needs is read before the turn is started: after that nothing may fail.
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            let lease = this.lease()?;
            let start = || store.retry_turn(learner, turn, lease, now());
            let obstacle = |retry: &Retry| match retry {
                Retry::Busy(turn) => Some(*turn),
                // Its answer failed, or it is the retry of another request, which continues.
                Retry::Running(turn) => Some(turn.id),
                _ => None,
            };
            match this.0.handover.accept(learner, start, obstacle).await? {
                Retry::Started(turn) => {
                    this.0.runner.start(turn.clone(), lease, conversation, locale, slot);
                    Ok(turn)
                }
                Retry::Running(turn) => Ok(turn),
                Retry::NotRetriable(state) => Err(AskError::NotRetriable(state)),
                Retry::Busy(turn) => Err(AskError::Busy(turn)),
                Retry::NoTurn => Err(AskError::NotFound),
            }
        })
        .await
    }

    /// Looks up whether a question was accepted under its key. Must be called before limits and [`Self::ask`].
    ///
    /// # Errors
    /// [`AskError::KeyReused`] if the key belongs to another message, [`AskError::Store`] if the store fails.
    pub async fn find_question(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: &StudentMessage,
        key: Option<String>,
    ) -> Result<Lookup, AskError> {
        self.0.repeats.find_question(learner, conversation, message, key).await
    }

    /// Looks up whether a retry of a turn runs already. A running turn whose answer failed and that only waits for its
    /// feedback can be retried like one that ended. Must be called before limits and [`Self::retry`].
    ///
    /// # Errors
    /// [`AskError::NotFound`], [`AskError::NotRetriable`], or [`AskError::Store`] if the store fails.
    pub async fn find_retry(&self, learner: LearnerId, turn: TurnId) -> Result<Lookup, AskError> {
        self.0.repeats.find_retry(learner, turn).await
    }

    /// Cancels a running turn, at whichever instance it runs, and waits until that is stored; for another instance at
    /// most a few seconds. Does nothing if the turn has ended.
    ///
    /// # Errors
    /// [`AskError::NotFound`] for a turn that isn't this learner's, [`AskError::Store`] if the store fails.
    pub async fn cancel(&self, learner: LearnerId, turn: TurnId) -> Result<(), AskError> {
        self.0.canceller.cancel(learner, turn).await
    }

    /// Deletes a conversation with everything in it and cancels its turn. `false` if there is none.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn delete_conversation(&self, learner: LearnerId, id: ConversationId) -> Result<bool, StoreError> {
        self.0.canceller.delete_conversation(learner, id).await
    }

    /// The turn as stored; `None` for a turn that isn't this learner's.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn find_turn(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Turn>, StoreError> {
        self.0.reader.find(learner, turn).await
    }

    /// Finds a learner's turn to follow it. `None` for a turn that isn't this learner's.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn find_to_follow(&self, learner: LearnerId, turn: TurnId) -> Result<Option<FoundTurn>, StoreError> {
        self.0.reader.find_to_follow(learner, turn).await
    }

    /// Follows a turn that [`Self::find_to_follow`] found.
    ///
    /// # Errors
    /// [`AskError::Draining`] for a turn of another instance during a shutdown, [`AskError::Store`] if the store fails.
    pub async fn follow(&self, found: FoundTurn) -> Result<Following, AskError> {
        match found {
            FoundTurn::Here(follower) => Ok(Following::Live(follower)),
            FoundTurn::Stored(turn) => self.0.reader.follow(*turn).await,
        }
    }

    /// How many turns run here.
    #[must_use]
    pub fn running(&self) -> usize {
        self.0.running.count()
    }

    /// Sets the gauges to their current values.
    pub fn set_gauges(&self) {
        turn_metrics::set_gauges(&Gauges {
            running: self.running(),
            slots: self.0.admission.usage(),
            is_database_up: !self.0.lease.is_failing(),
            daily_tokens: self.0.budgets.students.used(now()),
            stateless_tokens: self.0.budgets.stateless.used(now()),
        });
    }

    fn lease(&self) -> Result<Lease, AskError> {
        self.0.lease.lease().ok_or_else(|| turn_metrics::refused(AskError::NoLease))
    }

    /// Runs `work` in a task of its own, so that a caller that goes away between the commit and the start of the turn
    /// can't leave an accepted turn without a run.
    async fn detached<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AskError>> + Send + 'static,
    ) -> Result<T, AskError> {
        let (sender, receiver) = oneshot::channel();
        let work = async move {
            // The caller may be gone.
            let _ = sender.send(work.await);
        };
        self.0.lifecycle.spawn_turn(work.in_current_span());
        receiver.await.unwrap_or(Err(AskError::Lost))
    }
}
