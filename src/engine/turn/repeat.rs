//! Repeated requests: the response to the first one was lost, so the repetition is neither refused nor counted.

use super::{
    reader::{Remaining, TurnReader},
    refusal::AskError,
};
use crate::engine::keyed_locks::{KeyedGuard, KeyedLocks};
use domain::turn::Turn;
use domain::{ConversationId, LearnerId, StudentMessage, TurnId};
use store::Store;

/// Identifies a request: two requests with one key are the same request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum RequestKey {
    /// A question with an idempotency key.
    Ask(LearnerId, ConversationId, String),
    /// A retry of a turn, which needs no key: a running turn is not started again. It contains the learner, because it is
    /// locked before the turn's learner is known, and a learner must not delay the requests of another.
    Retry(LearnerId, TurnId),
}

/// Whether a request was accepted before.
#[derive(Debug)]
pub enum Lookup {
    /// It was, as this turn.
    Repeated(Turn),
    /// It was not, as far as is stored.
    New(Reservation),
}

/// Delays repetitions of a request until it is accepted or refused, so that only the first of several at once counts
/// against limits and acquires a slot.
#[derive(Debug, Default)]
pub struct Reservation {
    guard: Option<KeyedGuard<RequestKey>>,
}

impl Reservation {
    /// The idempotency key, if the request has one.
    pub(super) fn key(&self) -> Option<&str> {
        match self.guard.as_ref()?.key() {
            RequestKey::Ask(_, _, key) => Some(key),
            RequestKey::Retry(..) => None,
        }
    }
}

/// Recognises repeated requests. Clones share the locks.
#[derive(Clone)]
pub(super) struct RepeatLookup {
    store: Store,
    reader: TurnReader,
    locks: KeyedLocks<RequestKey>,
}

impl RepeatLookup {
    pub(super) fn new(store: Store, reader: TurnReader) -> Self {
        Self { store, reader, locks: KeyedLocks::default() }
    }

    pub(super) async fn find_question(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: &StudentMessage,
        key: Option<String>,
    ) -> Result<Lookup, AskError> {
        let Some(key) = key else { return Ok(Lookup::New(Reservation::default())) };
        let guard = self.locks.lock(RequestKey::Ask(learner, conversation, key.clone())).await;
        match self.store.turn_by_key(learner, conversation, &key).await? {
            Some(turn) if turn.message == message.as_str() => Ok(Lookup::Repeated(turn)),
            Some(_) => Err(AskError::KeyReused),
            None => Ok(Lookup::New(Reservation { guard: Some(guard) })),
        }
    }

    pub(super) async fn find_retry(&self, learner: LearnerId, turn: TurnId) -> Result<Lookup, AskError> {
        let guard = self.locks.lock(RequestKey::Retry(learner, turn)).await;
        let turn = self.store.turn(learner, turn).await?.ok_or(AskError::NotFound)?;
        match turn.state {
            state if state.is_running() && !self.has_failed_answer(&turn).await? => Ok(Lookup::Repeated(turn)),
            state if state.is_running() || state.can_retry() => Ok(Lookup::New(Reservation { guard: Some(guard) })),
            state => Err(AskError::NotRetriable(state)),
        }
    }

    /// Whether the answer of a running turn failed, so that only its feedback is awaited.
    async fn has_failed_answer(&self, turn: &Turn) -> Result<bool, AskError> {
        Ok(self.reader.remaining_of(turn.clone()).await? == Remaining::Feedback { has_failed: true })
    }
}
