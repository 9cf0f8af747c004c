//! The turn engine: takes a message in, and owns what follows from it.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Hold, Lease, Turn, TurnState,
    keeper::STOPS,
    parts::Parts,
    run,
    running::Running,
    tenure::{Tenure, Terms, TermsError},
};
use crate::{
    bus::{Bus, Follower, Status},
    domain::{
        Conversation, ConversationId, LearnerId, Locale, StudentMessage, TurnId, budget::Budget, conversation::now,
        partner::Partner,
    },
    shared::Shared,
    store::{Acceptance, Retry, Store, StoreError},
};

/// Takes messages in, runs their turns, and lets them be followed and stopped.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) parts: Parts,
    pub(super) tenure: Tenure,
    pub(super) running: Running,
    /// One for each call on a model that may run at a time.
    slots: Arc<Semaphore>,
    /// Cancelled when no new turn may begin.
    draining: CancellationToken,
    /// Cancelled when everything has ended.
    pub(super) gone: CancellationToken,
    /// What goes on until then.
    keepers: TaskTracker,
}

/// What an engine is made of.
pub struct Setup {
    /// Where everything lasts.
    pub store: Store,
    /// Where turns are followed.
    pub bus: Bus,
    /// Redis, if instances share one.
    pub shared: Option<Shared>,
    /// Who answers.
    pub partner: Partner,
    /// The day's tokens.
    pub budget: Arc<Budget>,
    /// On what terms this instance serves beside others.
    pub terms: Terms,
    /// How many turns and stateless calls may run at a time. Each holds its answer in memory, also while the database
    /// is away, so this bounds that memory as well.
    pub max_turns: usize,
}

/// The right to run one turn or stateless call. Dropping it gives it back.
#[derive(Debug)]
pub struct Slot(#[allow(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

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
    /// As many turns run as may.
    #[error("as many turns run as may")]
    Full,
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Draining,
    /// This instance isn't sure of its lease: the database is away, or has been taken over.
    #[error("no lease")]
    NoLease,
    /// The store failed. Nothing was taken in, or nothing is known of it: sending again with the same key is safe.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug: the task that takes messages in ended without a word.
    #[error("the accepting task was lost")]
    Lost,
}

/// A turn as a follower finds it.
pub enum Following {
    /// It runs, here or elsewhere.
    Live(Follower),
    /// It has ended: this is what is stored.
    Stored(Box<Turn>),
}

/// How long the last words of turns may take to reach Redis.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);
/// How long a wish to stop a turn of another instance is waited for. It's noted for good before.
const STOP_PATIENCE: Duration = Duration::from_secs(5);
/// How often it's looked whether the turn has stopped.
const STOP_LOOK: Duration = Duration::from_millis(50);

/// Describes this module's figures; call once, when the recorder is installed.
pub fn describe_metrics() {
    metrics::describe_counter!("turns_total", "Turns that ended here, by outcome");
    metrics::describe_histogram!("turn_seconds", metrics::Unit::Seconds, "From a turn's start to its commit");
    metrics::describe_histogram!("first_piece_seconds", metrics::Unit::Seconds, "From the call to the first text");
    metrics::describe_gauge!("lease_held", "1 while this instance is sure that it may run turns");
    metrics::describe_counter!("turns_taken_over_total", "Turns of dead instances that this one interrupted");
}

impl Engine {
    /// An engine over these parts: takes a lease, interrupts what the dead left running, and begins to look after both.
    ///
    /// # Errors
    /// [`TermsError`] when another instance serves and they would not share, or when the database fails.
    pub async fn start(setup: Setup) -> Result<Self, TermsError> {
        let Setup { store, bus, shared, partner, budget, terms, max_turns } = setup;
        let (tenure, interrupted) = Tenure::begin(&store, terms).await?;
        if interrupted > 0 {
            tracing::warn!(
                turns = interrupted,
                "turns of an earlier run were interrupted; students can try them again"
            );
        }
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let engine = Self(Arc::new(Inner {
            parts: Parts { store, bus, shared, partner, budget, tasks, stop },
            tenure,
            running: Running::default(),
            slots: Arc::new(Semaphore::new(max_turns)),
            draining: CancellationToken::new(),
            gone: CancellationToken::new(),
            keepers: TaskTracker::new(),
        }));
        engine.0.keepers.spawn(engine.clone().keep());
        engine.0.keepers.spawn(engine.clone().watch());
        engine.0.keepers.close();
        Ok(engine)
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
        let slot = self.admit()?;
        let engine = self.clone();
        self.outliving(async move {
            let store = &engine.0.parts.store;
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            let lease = engine.lease()?;
            match store.accept_turn(learner, conversation.id, &message, key.as_deref(), lease, now()).await? {
                Acceptance::New(turn) => {
                    engine.run(turn.clone(), lease, conversation, locale, slot);
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
        let slot = self.admit()?;
        let engine = self.clone();
        self.outliving(async move {
            let store = &engine.0.parts.store;
            // Everything a run needs is read before the turn is started: after that nothing may fail.
            let conversation = store.turn(learner, turn).await?.ok_or(AskError::NotFound)?.conversation;
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            let lease = engine.lease()?;
            match store.retry_turn(learner, turn, lease, now()).await? {
                Retry::Started(turn) => {
                    engine.run(turn.clone(), lease, conversation, locale, slot);
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

    /// Stops a running turn, wherever it runs, and waits until that is stored; at another instance at most a few
    /// seconds. Stopping a turn that has ended changes nothing.
    ///
    /// # Errors
    /// [`AskError::NotFound`] for a turn that isn't this learner's, [`AskError::Store`] when the store fails.
    pub async fn cancel(&self, learner: LearnerId, turn: TurnId) -> Result<(), AskError> {
        let store = &self.0.parts.store;
        let stored = store.turn(learner, turn).await?.ok_or(AskError::NotFound)?;
        if let Some(ended) = self.0.running.stop(turn) {
            ended.cancelled().await;
        } else if stored.state.is_running() && store.want_stop(turn).await? {
            self.tell_others(turn).await;
            let deadline = Instant::now() + STOP_PATIENCE;
            while Instant::now() < deadline && self.is_running_somewhere(turn).await? {
                tokio::time::sleep(STOP_LOOK).await;
            }
        }
        Ok(())
    }

    async fn is_running_somewhere(&self, turn: TurnId) -> Result<bool, StoreError> {
        Ok(self.0.parts.store.standings(&[turn]).await?.iter().any(|standing| standing.state.is_running()))
    }

    /// Tells whoever runs this turn to look at it. Should the news get lost, the next beat brings it.
    async fn tell_others(&self, turn: TurnId) {
        if let Some(shared) = &self.0.parts.shared {
            let _ = shared.publish(STOPS, &turn.to_string()).await;
        }
    }

    /// Stops what runs in a conversation and deletes it with everything in it. `false` if there was none.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn delete_conversation(&self, learner: LearnerId, id: ConversationId) -> Result<bool, StoreError> {
        let store = &self.0.parts.store;
        if store.conversation(learner, id).await?.is_none() {
            return Ok(false);
        }
        self.0.running.stop_in(id);
        let running = store.running_turn(id).await?;
        let deleted = store.delete_conversation(learner, id).await?;
        if let Some(turn) = running {
            self.tell_others(turn).await;
        }
        Ok(deleted)
    }

    /// Follows a turn; `None` for a turn that isn't this learner's.
    ///
    /// # Errors
    /// [`AskError::Draining`] for a turn of another instance while this one ends, [`AskError::Store`] when the store
    /// fails.
    pub async fn follow(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Following>, AskError> {
        let Parts { store, bus, .. } = &self.0.parts;
        let Some(stored) = store.turn(learner, turn).await? else { return Ok(None) };
        if !stored.state.is_running() {
            return Ok(Some(Following::Stored(Box::new(stored))));
        }
        let key = (turn.0, stored.attempt);
        if let Some(follower) = bus.follow(key) {
            return Ok(Some(Following::Live(follower)));
        }
        if self.is_draining() {
            return Err(AskError::Draining);
        }
        let follower = bus.follow_elsewhere(key, Status::new(stored.state.as_str(), None));
        // It may have ended since it was read.
        self.look_up(&[key]).await?;
        Ok(Some(Following::Live(follower)))
    }

    /// Ends well: takes nothing new in, sends followers of other instances' turns there, gives running turns `grace` to
    /// finish, then interrupts the rest. Returns when everything is stored.
    pub async fn drain(&self, grace: Duration) {
        let Inner { parts, running, draining, .. } = &*self.0;
        draining.cancel();
        parts.bus.leave();
        parts.tasks.close();
        if tokio::time::timeout(grace, parts.tasks.wait()).await.is_err() {
            tracing::warn!(turns = running.count(), "the time to finish is over; running turns are interrupted");
            parts.stop.cancel();
            parts.tasks.wait().await;
        }
    }

    /// Gives the lease back and lets go of everything. To be called last.
    pub async fn leave(&self) {
        self.0.gone.cancel();
        // One that is being renewed would be taken anew.
        self.0.keepers.wait().await;
        self.0.parts.bus.flush(FLUSH_PATIENCE).await;
        if let Err(error) = self.0.parts.store.release_lease(self.0.tenure.last_lease()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the lease was not given back; it runs out by itself"
            );
        }
    }

    /// Whether the engine is shutting down.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.is_cancelled()
    }

    /// Whether the database failed when it was last asked, a second ago: whoever needs it can be told at once.
    #[must_use]
    pub fn is_without_database(&self) -> bool {
        self.0.tenure.is_failing()
    }

    /// Whether this instance may run turns: it is sure of its lease.
    #[must_use]
    pub fn has_lease(&self) -> bool {
        self.0.tenure.lease().is_some()
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
        self.0.running.count()
    }

    /// The right to begin new work now.
    ///
    /// # Errors
    /// [`AskError::Draining`], [`AskError::BudgetSpent`] or [`AskError::Full`].
    pub fn admit(&self) -> Result<Slot, AskError> {
        if self.is_draining() {
            return Err(AskError::Draining);
        }
        if let Some(retry_in) = self.0.parts.budget.spent(now()) {
            return Err(AskError::BudgetSpent { retry_in });
        }
        self.0.slots.clone().try_acquire_owned().map(Slot).map_err(|_| AskError::Full)
    }

    fn lease(&self) -> Result<Lease, AskError> {
        self.0.tenure.lease().ok_or(AskError::NoLease)
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

    fn run(&self, turn: Turn, lease: Lease, conversation: Conversation, locale: Locale, slot: Slot) {
        let hold = Hold { turn: turn.id, attempt: turn.attempt, lease };
        let accepted = Status::new(TurnState::Accepted.as_str(), None);
        let publisher = self.0.parts.bus.publish((turn.id.0, turn.attempt), accepted);
        let orders = self.0.running.enter(hold, conversation.id);
        let engine = self.clone();
        self.0.parts.tasks.spawn(async move {
            run::run(&engine.0.parts, hold, turn, conversation.topic, locale, publisher, orders).await;
            engine.0.running.leave(hold);
            drop(slot);
        });
    }
}
