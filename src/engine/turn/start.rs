//! Wires the turn engine and starts its background tasks.

use std::sync::Arc;

use super::{
    admission::Admission,
    cancel::TurnCanceller,
    commit::OutcomeWriter,
    guide_slots::GuideSlots,
    handover::Handover,
    instance_lease::InstanceLease,
    lease_loop::LeaseLoop,
    purge::purge_hourly,
    reader::TurnReader,
    remote_watcher::RemoteWatcher,
    repeat::RepeatLookup,
    retention::expire_daily,
    run::Runner,
    running::RunningTurns,
    service::{Inner, TurnService},
    stateless_slots::StatelessSlots,
};
use crate::{
    engine::{assistant::Assistant, budgets::Budgets, rendered::RenderedAnswers},
    lifecycle::Lifecycle,
    live::LiveEvents,
    redis::Redis,
};
use store::Store;

/// What the turn engine needs.
pub struct Dependencies {
    /// Conversations, turns and leases.
    pub store: Store,
    /// Where turns are followed.
    pub live_events: LiveEvents,
    /// Redis, if instances share one.
    pub redis: Option<Redis>,
    /// Answers questions and writes feedback.
    pub assistant: Assistant,
    /// The day's tokens.
    pub budgets: Budgets,
    /// Renders the answers of ended turns.
    pub rendered: RenderedAnswers,
    /// The lease of this instance.
    pub lease: InstanceLease,
    /// The program's phases and tasks.
    pub lifecycle: Lifecycle,
    /// How many turns and stateless calls may run at a time. Each holds its answer in memory, also during an outage of
    /// the database, so this bounds that memory as well.
    pub max_turns: usize,
    /// Days after its last use that a conversation is deleted; `None` for never.
    pub retention_days: Option<u32>,
}

/// The parts of the turn engine that the rest of the program calls.
pub struct TurnEngine {
    /// Asks, retries, cancels and follows turns.
    pub turns: TurnService,
    /// The slots of stateless calls.
    pub stateless_slots: StatelessSlots,
    /// The slots of guides.
    pub guide_slots: GuideSlots,
}

impl TurnEngine {
    /// Wires the turn engine and starts the lease loop, the watcher of turns at other instances, the hourly purge and the
    /// daily deletion of old conversations.
    #[must_use]
    pub fn start(dependencies: Dependencies) -> Self {
        let Dependencies {
            store,
            live_events,
            redis,
            assistant,
            budgets,
            rendered,
            lease,
            lifecycle,
            max_turns,
            retention_days,
        } = dependencies;
        let running = Arc::new(RunningTurns::default());
        let watcher = RemoteWatcher {
            store: store.clone(),
            live_events: live_events.clone(),
            lease: lease.clone(),
            rendered: rendered.clone(),
        };
        let lease_loop = LeaseLoop {
            store: store.clone(),
            redis: redis.clone(),
            lease: lease.clone(),
            running: running.clone(),
            budgets: budgets.clone(),
            lifecycle: lifecycle.clone(),
        };
        lifecycle.spawn_uninterrupted(lease_loop.run());
        lifecycle.spawn_background(watcher.clone().run());
        lifecycle.spawn_background(purge_hourly(store.clone()));
        lifecycle.spawn_background(expire_daily(store.clone(), retention_days));

        let admission = Admission::new(max_turns, budgets.clone(), lifecycle.clone());
        let stateless_slots = StatelessSlots::new(max_turns, admission.clone());
        let guide_slots = GuideSlots::new(max_turns, admission.clone(), lifecycle.clone());
        let reader = TurnReader {
            store: store.clone(),
            live_events: live_events.clone(),
            running: running.clone(),
            watcher,
            lifecycle: lifecycle.clone(),
        };
        let canceller = TurnCanceller { store: store.clone(), redis, running: running.clone() };
        let handover = Handover {
            admission: admission.clone(),
            running: running.clone(),
            reader: reader.clone(),
            canceller: canceller.clone(),
        };
        let outcomes = OutcomeWriter { store: store.clone(), lease: lease.clone(), lifecycle: lifecycle.clone() };
        let runner = Runner {
            store: store.clone(),
            live_events,
            assistant,
            budget: budgets.students.clone(),
            running: running.clone(),
            lifecycle: lifecycle.clone(),
            outcomes,
        };
        let repeats = RepeatLookup::new(store.clone(), reader.clone());
        let turns = TurnService(Arc::new(Inner {
            store,
            lease,
            lifecycle,
            budgets,
            admission,
            running,
            runner,
            reader,
            canceller,
            handover,
            repeats,
        }));
        Self { turns, stateless_slots, guide_slots }
    }
}
