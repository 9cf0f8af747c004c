//! A circuit breaker: after several failed calls in a row, calls to the server pause for a while.
//!
//! - Closed: calls pass, and consecutive failures are counted.
//! - Open: calls are refused until the cooldown ends.
//! - Half-open: one call probes the server. Its first token closes the breaker, its failure opens the breaker again. If
//!   it is dropped without either, the next call probes.
//!
//! A timeout does not count as a failure: the server accepted the request and is only slow. A probe that times out opens
//! the breaker again, with [`OpenCause::Busy`].
//!
//! Each probe has a number. If another instance closed or opened the breaker in the meantime, the outcome of the probe
//! counts like that of any other call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The state of a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open {
        /// The time until a call may probe.
        retry_in: Duration,
    },
    /// One call may probe the server, or is probing it.
    HalfOpen,
}

/// Why the breaker is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenCause {
    /// No connection could be made.
    Unreachable,
    /// Calls failed, or replies were invalid.
    Failing,
    /// The probe timed out.
    Busy,
}

/// A change of a breaker, for the breakers of other instances that call the same server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerChange {
    /// It opened, and stays open for this time.
    Opened(Duration),
    /// It closed: the server answers again.
    Closed,
}

#[derive(Debug)]
pub(super) struct Breaker {
    limit: u32,
    cooldown: Duration,
    circuit: Mutex<Circuit>,
    probes: AtomicU64,
    changes: watch::Sender<Option<BreakerChange>>,
}

#[derive(Debug)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Instant, cause: OpenCause },
    Probing { probe: u64, cause: OpenCause },
}

impl Circuit {
    /// Why it is open; `None` if it is closed.
    fn cause(&self) -> Option<OpenCause> {
        match self {
            Self::Closed { .. } => None,
            Self::Open { cause, .. } | Self::Probing { cause, .. } => Some(*cause),
        }
    }

    fn is_probed_by(&self, number: Option<u64>) -> bool {
        matches!(self, Self::Probing { probe, .. } if Some(*probe) == number)
    }
}

impl Breaker {
    pub(super) fn new(limit: u32, cooldown: Duration) -> Arc<Self> {
        metrics::gauge!("llm_breaker_open").set(0.0);
        Arc::new(Self {
            limit: limit.max(1),
            cooldown,
            circuit: Mutex::new(Circuit::Closed { failures: 0 }),
            probes: AtomicU64::new(0),
            changes: watch::Sender::new(None),
        })
    }

    /// Permits a call, or returns how long the breaker stays open and why.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Permit, (Duration, OpenCause)> {
        let mut circuit = self.lock();
        let probe = match *circuit {
            Circuit::Closed { .. } => None,
            Circuit::Open { until, cause } => {
                if let Some(retry_in) = left(until) {
                    return Err((retry_in, cause));
                }
                let probe = self.probes.fetch_add(1, Ordering::Relaxed);
                *circuit = Circuit::Probing { probe, cause };
                Some(probe)
            }
            // The duration of a probe is unknown; one more call per second is no burden.
            Circuit::Probing { cause, .. } => return Err((self.cooldown.min(Duration::from_secs(1)), cause)),
        };
        Ok(Permit { breaker: self.clone(), probe })
    }

    pub(super) fn state(&self) -> BreakerState {
        match *self.lock() {
            Circuit::Closed { .. } => BreakerState::Closed,
            Circuit::Open { until, .. } => match left(until) {
                Some(retry_in) => BreakerState::Open { retry_in },
                None => BreakerState::HalfOpen,
            },
            Circuit::Probing { .. } => BreakerState::HalfOpen,
        }
    }

    /// Changes of this breaker from now on.
    pub(super) fn changes(&self) -> watch::Receiver<Option<BreakerChange>> {
        self.changes.subscribe()
    }

    /// Applies a change of another instance's breaker. It is not reported as a change of this one.
    pub(super) fn apply_change(&self, change: BreakerChange) {
        let mut circuit = self.lock();
        match change {
            BreakerChange::Opened(cooldown) => {
                let cause = circuit.cause().unwrap_or(OpenCause::Failing);
                *circuit = Circuit::Open { until: Instant::now() + cooldown.min(self.cooldown), cause };
                metrics::gauge!("llm_breaker_open").set(1.0);
            }
            BreakerChange::Closed => {
                *circuit = Circuit::Closed { failures: 0 };
                metrics::gauge!("llm_breaker_open").set(0.0);
            }
        }
        tracing::info!(?change, "another instance changed its circuit breaker");
    }

    fn open(&self, circuit: &mut Circuit, cause: OpenCause) {
        *circuit = Circuit::Open { until: Instant::now() + self.cooldown, cause };
        self.changes.send_replace(Some(BreakerChange::Opened(self.cooldown)));
        metrics::gauge!("llm_breaker_open").set(1.0);
        tracing::warn!(cooldown = ?self.cooldown, ?cause, "model server failed too often; calls pause");
    }

    fn close(&self, circuit: &mut Circuit) {
        *circuit = Circuit::Closed { failures: 0 };
        self.changes.send_replace(Some(BreakerChange::Closed));
        metrics::gauge!("llm_breaker_open").set(0.0);
        tracing::info!("model server answers again");
    }

    fn lock(&self) -> MutexGuard<'_, Circuit> {
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn left(until: Instant) -> Option<Duration> {
    Some(until.saturating_duration_since(Instant::now())).filter(|left| !left.is_zero())
}

/// The permission for one call. Dropped without an outcome, the call does not count.
#[derive(Debug)]
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    /// The probe's number, if the call is one.
    probe: Option<u64>,
}

impl Permit {
    /// Records that the server has begun to answer. This ends a probe, and is not yet a success.
    pub(super) fn mark_alive(&mut self) {
        let probe = self.probe.take();
        let mut circuit = self.breaker.lock();
        if circuit.is_probed_by(probe) {
            self.breaker.close(&mut circuit);
        }
    }

    /// Records an answer, or a refusal that does not indicate a failure of the server.
    pub(super) fn success(mut self) {
        self.mark_alive();
        if let Circuit::Closed { failures } = &mut *self.breaker.lock() {
            *failures = 0;
        }
    }

    /// Records a timeout.
    pub(super) fn timed_out(mut self) {
        let probe = self.probe.take();
        let mut circuit = self.breaker.lock();
        if circuit.is_probed_by(probe) {
            self.breaker.open(&mut circuit, OpenCause::Busy);
        }
    }

    /// Records a failure of the server.
    pub(super) fn failure(mut self, cause: OpenCause) {
        let probe = self.probe.take();
        let mut circuit = self.breaker.lock();
        let opens = match &mut *circuit {
            Circuit::Closed { failures } => {
                *failures += 1;
                *failures >= self.breaker.limit
            }
            // A call from before the breaker opened is no new information.
            circuit => circuit.is_probed_by(probe),
        };
        if opens {
            self.breaker.open(&mut circuit, cause);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.probe.is_none() {
            return;
        }
        let mut circuit = self.breaker.lock();
        if let Some(cause) = circuit.cause().filter(|_| circuit.is_probed_by(self.probe)) {
            *circuit = Circuit::Open { until: Instant::now(), cause };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(15);

    fn opened() -> Arc<Breaker> {
        let breaker = Breaker::new(2, COOLDOWN);
        breaker.enter().unwrap().failure(OpenCause::Failing);
        breaker.enter().unwrap().failure(OpenCause::Failing);
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_only() {
        let breaker = Breaker::new(2, COOLDOWN);
        breaker.enter().unwrap().failure(OpenCause::Failing);
        breaker.enter().unwrap().success();
        breaker.enter().unwrap().failure(OpenCause::Failing);
        drop(breaker.enter().unwrap());
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.enter().unwrap().failure(OpenCause::Failing);
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: COOLDOWN });
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(breaker.enter().unwrap_err(), (Duration::from_secs(10), OpenCause::Failing));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_cooldown_exactly_one_call_probes() {
        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        let mut probe = breaker.enter().unwrap();
        assert!(breaker.enter().is_err());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        probe.mark_alive();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert!(breaker.enter().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_fails_opens_it_for_a_whole_cooldown() {
        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        breaker.enter().unwrap().failure(OpenCause::Failing);
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: COOLDOWN });
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_probe_lets_the_next_call_probe() {
        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        drop(breaker.enter().unwrap());
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
        breaker.enter().unwrap().success();
        assert_eq!(breaker.state(), BreakerState::Closed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_of_one_breaker_is_applied_by_another_and_not_reported_again() {
        let (one, other) = (Breaker::new(1, COOLDOWN), Breaker::new(1, COOLDOWN));
        let (mut reported, echoed) = (one.changes(), other.changes());
        one.enter().unwrap().failure(OpenCause::Failing);
        let change = reported.borrow_and_update().unwrap();
        other.apply_change(change);
        assert_eq!(other.state(), BreakerState::Open { retry_in: COOLDOWN });
        tokio::time::advance(COOLDOWN).await;
        one.enter().unwrap().success();
        other.apply_change(reported.borrow_and_update().unwrap());
        assert_eq!(other.state(), BreakerState::Closed);
        assert!(!echoed.has_changed().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_it_opened_change_nothing() {
        let breaker = Breaker::new(1, COOLDOWN);
        let [early, timed_out, good] = [(); 3].map(|()| breaker.enter().unwrap());
        early.failure(OpenCause::Failing);
        tokio::time::advance(Duration::from_secs(5)).await;
        timed_out.failure(OpenCause::Failing);
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: Duration::from_secs(10) });
        good.success();
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: Duration::from_secs(10) });
        tokio::time::advance(Duration::from_secs(10)).await;
        let probe = breaker.enter().unwrap();
        drop(probe);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_others_overtook_changes_nothing_by_being_dropped() {
        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        let stale = breaker.enter().unwrap();
        breaker.apply_change(BreakerChange::Closed);
        drop(stale);
        assert_eq!(breaker.state(), BreakerState::Closed, "another instance closed it");

        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        let stale = breaker.enter().unwrap();
        breaker.apply_change(BreakerChange::Opened(COOLDOWN));
        drop(stale);
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: COOLDOWN }, "another instance opened it");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stale_probe_decides_nothing_for_the_probe_after_it() {
        for end in [Permit::success as fn(Permit), |permit| permit.failure(OpenCause::Failing), Permit::timed_out, drop]
        {
            let breaker = opened();
            tokio::time::advance(COOLDOWN).await;
            let stale = breaker.enter().unwrap();
            breaker.apply_change(BreakerChange::Opened(COOLDOWN));
            tokio::time::advance(COOLDOWN).await;
            let mut probe = breaker.enter().unwrap();
            end(stale);
            assert!(breaker.enter().is_err(), "a second probe");
            probe.mark_alive();
            assert_eq!(breaker.state(), BreakerState::Closed);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_timed_out_is_no_failure() {
        let breaker = Breaker::new(2, COOLDOWN);
        for _ in 0..10 {
            breaker.enter().unwrap().timed_out();
        }
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.enter().unwrap().failure(OpenCause::Failing);
        breaker.enter().unwrap().timed_out();
        breaker.enter().unwrap().failure(OpenCause::Unreachable);
        assert_eq!(breaker.enter().unwrap_err(), (COOLDOWN, OpenCause::Unreachable), "nor is it a success");
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_times_out_finds_the_server_busy() {
        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        breaker.enter().unwrap().timed_out();
        assert_eq!(breaker.enter().unwrap_err(), (COOLDOWN, OpenCause::Busy));
        tokio::time::advance(COOLDOWN).await;
        drop(breaker.enter().unwrap());
        let _probe = breaker.enter().unwrap();
        assert_eq!(breaker.enter().unwrap_err().1, OpenCause::Busy);
    }
}
