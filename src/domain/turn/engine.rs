//! The turn engine: takes a message in, and owns what follows from it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Turn, TurnState, parts::Parts, run};
use crate::{
    bus::{Bus, Follower, Status},
    domain::{
        Conversation, ConversationId, LearnerId, Locale, StudentMessage, TurnId, budget::Budget, conversation::now,
        partner::Partner,
    },
    store::{Acceptance, Retry, Store, StoreError},
};

/// Takes messages in, runs their turns, and lets them be followed and stopped.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    parts: Parts,
    /// Cancelled when no new turn may begin.
    draining: CancellationToken,
    running: Mutex<HashMap<TurnId, Running>>,
}

struct Running {
    attempt: u32,
    conversation: ConversationId,
    cancel: CancellationToken,
    ended: CancellationToken,
}

/// Why a message was not taken in, or a turn not tried again.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// No such conversation or turn, or not this learner's.
    #[error("not found")]
    NotFound,
    /// The conversation already has a running turn.
    #[error("turn {0} is still running")]
    Busy(TurnId),
    /// The key was used for another message before.
    #[error("the idempotency key belongs to another message")]
    KeyReused,
    /// The turn is done: there is nothing to try again.
    #[error("the turn is {}", .0.as_str())]
    NotRetriable(TurnState),
    /// The day's tokens are spent.
    #[error("the day's tokens are spent")]
    BudgetSpent {
        /// How long until there are some again.
        retry_in: Duration,
    },
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Draining,
    /// The store failed. Nothing was taken in, or nothing is known of it: sending again with the same key is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug: the task that takes messages in ended without a word.
    #[error("the accepting task was lost")]
    Lost,
}

/// A turn as a follower finds it.
pub enum Following {
    /// It runs here.
    Live(Follower),
    /// It doesn't run here: this is what is stored.
    Stored(Box<Turn>),
}

impl Engine {
    /// An engine over these parts, with nothing running.
    #[must_use]
    pub fn new(store: Store, bus: Bus, partner: Partner, budget: Arc<Budget>) -> Self {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        Self(Arc::new(Inner {
            parts: Parts { store, bus, partner, budget, tasks, stop },
            draining: CancellationToken::new(),
            running: Mutex::default(),
        }))
    }

    /// Takes a message in: when this returns, the message is on disk and its turn runs, whatever becomes of the caller.
    ///
    /// # Errors
    /// [`AskError`] when the message was not taken in.
    pub async fn ask(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: StudentMessage,
        key: Option<String>,
        locale: Locale,
    ) -> Result<Turn, AskError> {
        self.admit()?;
        let engine = self.clone();
        self.outliving(async move {
            let store = &engine.0.parts.store;
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            match store.accept_turn(learner, conversation.id, &message, key.as_deref(), now()).await? {
                Acceptance::New(turn) => {
                    engine.start(turn.clone(), conversation, locale);
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

    /// Tries a turn again that failed, was stopped or was interrupted. Asking twice starts it once.
    ///
    /// # Errors
    /// [`AskError`] when it was not started again.
    pub async fn retry(&self, learner: LearnerId, turn: TurnId, locale: Locale) -> Result<Turn, AskError> {
        self.admit()?;
        let engine = self.clone();
        self.outliving(async move {
            let store = &engine.0.parts.store;
            // Everything a run needs is read before the turn is started: after that nothing may fail.
            let conversation = store.turn(learner, turn).await?.ok_or(AskError::NotFound)?.conversation;
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            match store.retry_turn(learner, turn, now()).await? {
                Retry::Started(turn) => {
                    engine.start(turn.clone(), conversation, locale);
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

    /// Stops a running turn and waits until that is stored. Stopping a turn that has ended changes nothing.
    ///
    /// # Errors
    /// [`AskError::NotFound`] for a turn that isn't this learner's, [`AskError::Store`] when the store fails.
    pub async fn cancel(&self, learner: LearnerId, turn: TurnId) -> Result<(), AskError> {
        self.0.parts.store.turn(learner, turn).await?.ok_or(AskError::NotFound)?;
        let ended = self.running().get(&turn).map(|running| {
            running.cancel.cancel();
            running.ended.clone()
        });
        if let Some(ended) = ended {
            ended.cancelled().await;
        }
        Ok(())
    }

    /// Stops what runs in a conversation and deletes it with everything in it. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn delete_conversation(&self, learner: LearnerId, id: ConversationId) -> Result<bool, StoreError> {
        if self.0.parts.store.conversation(learner, id).await?.is_none() {
            return Ok(false);
        }
        for running in self.running().values().filter(|running| running.conversation == id) {
            running.cancel.cancel();
        }
        self.0.parts.store.delete_conversation(learner, id).await
    }

    /// Follows a turn; `None` for a turn that isn't this learner's.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn follow(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Following>, StoreError> {
        // The bus first: a turn that ends in between is then read from the store in its final state.
        let live = self.0.parts.bus.follow(turn.0);
        let stored = self.0.parts.store.turn(learner, turn).await?;
        Ok(stored.map(|turn| live.map_or_else(|| Following::Stored(Box::new(turn)), Following::Live)))
    }

    /// Marks turns that an earlier process left running as interrupted. To be called before the first message.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn recover(&self) -> Result<u64, StoreError> {
        self.0.parts.store.interrupt_running(now()).await
    }

    /// Ends well: takes nothing new in, gives running turns `grace` to finish, then interrupts the rest. Returns when
    /// everything is stored.
    pub async fn drain(&self, grace: Duration) {
        self.0.draining.cancel();
        self.0.parts.tasks.close();
        if tokio::time::timeout(grace, self.0.parts.tasks.wait()).await.is_err() {
            tracing::warn!(turns = self.running().len(), "the time to finish is over; running turns are interrupted");
            self.0.parts.stop.cancel();
            self.0.parts.tasks.wait().await;
        }
    }

    /// Whether the engine is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Resolves when the time to finish is over and what still runs is interrupted.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.parts.stop.clone().cancelled_owned()
    }

    /// Whether the time to finish is over.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.parts.stop.is_cancelled()
    }

    /// Interrupts what still runs.
    pub fn stop(&self) {
        self.0.parts.stop.cancel();
    }

    /// How many turns run here.
    #[must_use]
    pub fn turns_running(&self) -> usize {
        self.running().len()
    }

    /// Whether new work may begin now.
    ///
    /// # Errors
    /// [`AskError::Draining`] or [`AskError::BudgetSpent`].
    pub fn admit(&self) -> Result<(), AskError> {
        if self.is_draining() {
            return Err(AskError::Draining);
        }
        match self.0.parts.budget.spent(now()) {
            Some(retry_in) => Err(AskError::BudgetSpent { retry_in }),
            None => Ok(()),
        }
    }

    /// Runs `work` in a task of its own, so that a caller that goes away between the commit and the start of the turn
    /// can't leave an accepted turn that nobody runs.
    async fn outliving<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AskError>> + Send + 'static,
    ) -> Result<T, AskError> {
        let (tell, told) = oneshot::channel();
        self.0.parts.tasks.spawn(async move {
            // The caller may be gone.
            let _ = tell.send(work.await);
        });
        told.await.unwrap_or(Err(AskError::Lost))
    }

    fn start(&self, turn: Turn, conversation: Conversation, locale: Locale) {
        let (cancel, ended) = (CancellationToken::new(), CancellationToken::new());
        let publisher =
            self.0.parts.bus.publish(turn.id.0, Status { state: TurnState::Accepted.as_str(), reason: None });
        let (id, attempt) = (turn.id, turn.attempt);
        let running = Running { attempt, conversation: conversation.id, cancel: cancel.clone(), ended: ended.clone() };
        self.running().insert(id, running);
        let engine = self.clone();
        self.0.parts.tasks.spawn(async move {
            run::run(&engine.0.parts, turn, conversation.topic, locale, publisher, cancel).await;
            let mut running = engine.running();
            // Another try may have begun since the commit.
            if running.get(&id).is_some_and(|running| running.attempt == attempt) {
                running.remove(&id);
            }
            drop(running);
            ended.cancel();
        });
    }

    fn running(&self) -> MutexGuard<'_, HashMap<TurnId, Running>> {
        self.0.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
