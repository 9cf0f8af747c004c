//! The turn engine: takes a message in, and owns what follows from it.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

use super::{
    AskError, Reservation,
    guide_slots::GuideSlots,
    instance_lease::{InstanceLease, LeaseConfig, LeaseConfigError},
    parts::Parts,
    repeat::RequestKey,
    run::{self, Question},
    running::Running,
    stateless_slots::AnonymousSlots,
    turn_metrics,
};
use crate::{
    engine::{assistant::Assistant, budget::Budget, keyed_locks::KeyedLocks, rendered::RenderedAnswers},
    live::{Bus, Follower, Status},
    redis::Redis,
};
use domain::turn::{Turn, TurnState};
use domain::{Conversation, ConversationId, LearnerId, Locale, StudentMessage, TurnId};
use store::{Acceptance, Retry, Store, StoreError, now};
use store::{FencingToken, Lease};

/// Takes messages in, runs their turns, and lets them be followed and stopped.
#[derive(Clone)]
pub struct Engine(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) parts: Parts,
    pub(super) running: Running,
    /// Requests that are being accepted.
    pub(super) requests: KeyedLocks<RequestKey>,
    /// One for each call on a model that may run at a time.
    slots: Arc<Semaphore>,
    /// How many of these there are.
    max_turns: usize,
    pub(super) guide_slots: GuideSlots,
    pub(super) anonymous_slots: AnonymousSlots,
    /// Cancelled when no new turn may begin.
    pub(super) draining: CancellationToken,
    /// Cancelled when everything has ended.
    pub(super) gone: CancellationToken,
    /// What goes on until then.
    pub(super) background_tasks: TaskTracker,
}

/// What an engine is made of.
pub struct Setup {
    /// Where everything lasts.
    pub store: Store,
    /// Where turns are followed.
    pub bus: Bus,
    /// Redis, if instances share one.
    pub shared: Option<Redis>,
    /// Who answers.
    pub assistant: Assistant,
    /// The day's tokens.
    pub budget: Arc<Budget>,
    /// Renders answers that have ended.
    pub rendered: RenderedAnswers,
    /// How this instance holds its lease beside others.
    pub lease_config: LeaseConfig,
    /// How many turns and stateless calls may run at a time. Each holds its answer in memory, also while the database
    /// is away, so this bounds that memory as well.
    pub max_turns: usize,
}

/// The right to run one turn or stateless call. Dropping it gives it back.
#[derive(Debug)]
pub struct Slot {
    _permit: OwnedSemaphorePermit,
    /// When it was asked for.
    since: Instant,
}

impl Slot {
    /// A slot over this permit, for a question that came at `since`.
    pub(super) const fn new(permit: OwnedSemaphorePermit, since: Instant) -> Self {
        Self { _permit: permit, since }
    }

    /// The same slot for another question.
    pub(super) fn asked_at(self, since: Instant) -> Self {
        Self { since, ..self }
    }
}

/// A turn as a follower finds it.
pub enum Following {
    /// It runs, here or elsewhere.
    Live(Follower),
    /// It has ended: this is what is stored.
    Stored(Box<Turn>),
}

impl Engine {
    /// An engine over these parts: takes a lease, interrupts the turns of expired leases, and starts the lease loop.
    ///
    /// # Errors
    /// [`LeaseConfigError`] when another instance serves and they would not share, or when the database fails.
    pub async fn start(setup: Setup) -> Result<Self, LeaseConfigError> {
        let Setup { store, bus, shared, assistant, budget, rendered, lease_config, max_turns } = setup;
        let (instance_lease, interrupted) = InstanceLease::begin(&store, lease_config).await?;
        if interrupted > 0 {
            tracing::warn!(
                turns = interrupted,
                "turns of an earlier run were interrupted; students can try them again"
            );
        }
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let engine = Self(Arc::new(Inner {
            parts: Parts { store, bus, shared, assistant, budget, rendered, instance_lease, tasks, stop },
            running: Running::default(),
            requests: KeyedLocks::default(),
            slots: Arc::new(Semaphore::new(max_turns)),
            max_turns,
            guide_slots: GuideSlots::new(max_turns),
            anonymous_slots: AnonymousSlots::new(max_turns),
            draining: CancellationToken::new(),
            gone: CancellationToken::new(),
            background_tasks: TaskTracker::new(),
        }));
        engine.0.background_tasks.spawn(engine.clone().run_lease_loop());
        engine.0.background_tasks.spawn(engine.clone().watch());
        engine.0.background_tasks.spawn(engine.clone().purge());
        engine.0.background_tasks.close();
        Ok(engine)
    }

    /// Takes a message in: when this returns, the message is on disk and its turn runs, whatever becomes of the caller.
    /// The reservation is that of [`Engine::find_question`]. A turn of the conversation that only waits for its notes
    /// makes way: they are the coach's then.
    ///
    /// # Errors
    /// [`AskError`] when the message was not taken in.
    pub async fn ask(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: StudentMessage,
        reservation: Reservation,
        locale: Locale,
    ) -> Result<Turn, AskError> {
        let slot = self.admit_to(learner, conversation).await?;
        let engine = self.clone();
        self.outliving(async move {
            let key = reservation.key();
            let store = &engine.0.parts.store;
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            let lease = engine.lease()?;
            let accept = || store.accept_turn(learner, conversation.id, &message, key, lease, now());
            let obstacle = |acceptance: &Acceptance| match acceptance {
                Acceptance::Busy(turn) => Some(*turn),
                _ => None,
            };
            match engine.accept_after_handover(learner, accept, obstacle).await? {
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

    /// Tries a turn again that failed, was stopped or was interrupted. Asking twice starts it once. The reservation is
    /// that of [`Engine::find_retry`].
    ///
    /// # Errors
    /// [`AskError`] when it was not started again.
    pub async fn retry(
        &self,
        learner: LearnerId,
        turn: TurnId,
        reservation: Reservation,
        locale: Locale,
    ) -> Result<Turn, AskError> {
        let conversation = self.find_turn(learner, turn).await?.ok_or(AskError::NotFound)?.conversation;
        let slot = self.admit_to(learner, conversation).await?;
        let engine = self.clone();
        self.outliving(async move {
            let _reservation = reservation;
            let store = &engine.0.parts.store;
            // Everything a run needs is read before the turn is started: after that nothing may fail.
            let conversation = store.conversation(learner, conversation).await?.ok_or(AskError::NotFound)?;
            let lease = engine.lease()?;
            let start = || store.retry_turn(learner, turn, lease, now());
            let obstacle = |retry: &Retry| match retry {
                Retry::Busy(turn) => Some(*turn),
                // Its answer failed before, or it is another request's retry, which goes on.
                Retry::Running(turn) => Some(turn.id),
                _ => None,
            };
            match engine.accept_after_handover(learner, start, obstacle).await? {
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

    /// The turn as stored; `None` for a turn that isn't this learner's.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn find_turn(&self, learner: LearnerId, turn: TurnId) -> Result<Option<Turn>, StoreError> {
        self.0.parts.store.turn(learner, turn).await
    }

    /// Follows a turn that [`Engine::find_turn`] found.
    ///
    /// # Errors
    /// [`AskError::Draining`] for a turn of another instance while this one ends, [`AskError::Store`] when the store
    /// fails.
    pub async fn follow(&self, stored: Turn) -> Result<Following, AskError> {
        let bus = &self.0.parts.bus;
        if !stored.state.is_running() {
            return Ok(Following::Stored(Box::new(stored)));
        }
        let key = (stored.id.0, stored.attempt);
        if let Some(follower) = bus.follow(key) {
            return Ok(Following::Live(follower));
        }
        if self.is_draining() {
            return Err(AskError::Draining);
        }
        let follower = bus.follow_elsewhere(key, Status::new(stored.state.as_str(), None));
        // It may have ended since it was read.
        self.look_up(&[key]).await?;
        Ok(Following::Live(follower))
    }

    /// Whether the database failed when it was last asked, a second ago: whoever needs it can be told at once.
    #[must_use]
    pub fn is_without_database(&self) -> bool {
        self.0.parts.instance_lease.is_failing()
    }

    /// Whether this instance may run turns: it is sure of its lease.
    #[must_use]
    pub fn has_lease(&self) -> bool {
        self.0.parts.instance_lease.lease().is_some()
    }

    /// How many turns run here.
    #[must_use]
    pub fn turns_running(&self) -> usize {
        self.0.running.count()
    }

    /// How many turns and stateless calls run here, and how many may.
    pub(super) fn slots(&self) -> (usize, usize) {
        let most = self.0.max_turns;
        (most.saturating_sub(self.0.slots.available_permits()), most)
    }

    /// The right to begin new work now.
    ///
    /// # Errors
    /// [`AskError::Draining`], [`AskError::BudgetSpent`] or [`AskError::Full`].
    pub fn admit(&self) -> Result<Slot, AskError> {
        self.free_slot().map_err(turn_metrics::refused)
    }

    /// As [`Engine::admit`], without counting a refusal.
    pub(super) fn free_slot(&self) -> Result<Slot, AskError> {
        let since = Instant::now();
        if self.is_draining() {
            return Err(AskError::Draining);
        }
        if let Some(retry_in) = self.0.parts.budget.spent(now()) {
            return Err(AskError::BudgetSpent { retry_in });
        }
        let permit = self.0.slots.clone().try_acquire_owned().map_err(|_| AskError::Full)?;
        Ok(Slot::new(permit, since))
    }

    fn lease(&self) -> Result<Lease, AskError> {
        self.0.parts.instance_lease.lease().ok_or_else(|| turn_metrics::refused(AskError::NoLease))
    }

    /// Runs `work` in a task of its own, so that a caller that goes away between the commit and the start of the turn
    /// can't leave an accepted turn that nobody runs.
    async fn outliving<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, AskError>> + Send + 'static,
    ) -> Result<T, AskError> {
        let (tell, told) = oneshot::channel();
        let work = async move {
            // The caller may be gone.
            let _ = tell.send(work.await);
        };
        self.0.parts.tasks.spawn(work.in_current_span());
        told.await.unwrap_or(Err(AskError::Lost))
    }

    fn run(&self, turn: Turn, lease: Lease, conversation: Conversation, locale: Locale, slot: Slot) {
        let fencing_token = FencingToken { turn: turn.id, attempt: turn.attempt, lease };
        let accepted = Status::new(TurnState::Accepted.as_str(), None);
        let publisher = self.0.parts.bus.publish((turn.id.0, turn.attempt), accepted);
        let orders = self.0.running.enter(fencing_token, conversation.id);
        let engine = self.clone();
        let span = run::span(&turn);
        let run = async move {
            let question = Question { turn, topic: conversation.topic, locale, asked: slot.since };
            run::run(&engine.0.parts, &engine.0.running, fencing_token, question, publisher, orders, slot).await;
            engine.0.running.leave(fencing_token);
        };
        self.0.parts.tasks.spawn(run.instrument(span));
    }
}
