//! Requests that were sent before: their answer was lost on the way, and they must neither be refused nor cost anything.

use super::{AskError, engine::Engine};
use crate::engine::keyed_locks::KeyedGuard;
use domain::turn::Turn;
use domain::{ConversationId, LearnerId, StudentMessage, TurnId};

/// What two requests have in common of which the second repeats the first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum RequestKey {
    /// A question with an idempotency key.
    Ask(LearnerId, ConversationId, String),
    /// Another try of a turn, which needs no key: a running turn is not started again. It contains the learner, since it
    /// is locked before it is known whose turn it is, and nobody may keep another learner's request waiting.
    Retry(LearnerId, TurnId),
}

/// Whether a request was accepted before.
#[derive(Debug)]
pub enum Lookup {
    /// It was: this is its turn.
    Repeated(Turn),
    /// It was not, as far as is stored.
    New(Reservation),
}

/// Keeps repeats of a request waiting until it is accepted or refused, so that only the first of several at once counts
/// against limits and takes a slot.
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

impl Engine {
    /// Looks up whether a question was accepted under its key. To be called before limits and [`Engine::ask`].
    ///
    /// # Errors
    /// [`AskError::KeyReused`] if the key belongs to another message, [`AskError::Store`] when the store fails.
    pub async fn find_question(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: &StudentMessage,
        key: Option<String>,
    ) -> Result<Lookup, AskError> {
        let Some(key) = key else { return Ok(Lookup::New(Reservation::default())) };
        let guard = self.0.requests.lock(RequestKey::Ask(learner, conversation, key.clone())).await;
        match self.0.parts.store.turn_by_key(learner, conversation, &key).await? {
            Some(turn) if turn.message == message.as_str() => Ok(Lookup::Repeated(turn)),
            Some(_) => Err(AskError::KeyReused),
            None => Ok(Lookup::New(Reservation { guard: Some(guard) })),
        }
    }

    /// Looks up whether another try of a turn runs already. A running turn whose answer failed and which only waits for
    /// its feedback can be tried again like one that ended. To be called before limits and [`Engine::retry`].
    ///
    /// # Errors
    /// [`AskError::NotFound`], [`AskError::NotRetriable`], or [`AskError::Store`] when the store fails.
    pub async fn find_retry(&self, learner: LearnerId, turn: TurnId) -> Result<Lookup, AskError> {
        let guard = self.0.requests.lock(RequestKey::Retry(learner, turn)).await;
        let turn = self.0.parts.store.turn(learner, turn).await?.ok_or(AskError::NotFound)?;
        match turn.state {
            state if state.is_running() && !self.has_failed_answer(&turn).await? => Ok(Lookup::Repeated(turn)),
            state if state.is_running() || state.can_retry() => Ok(Lookup::New(Reservation { guard: Some(guard) })),
            state => Err(AskError::NotRetriable(state)),
        }
    }
}
