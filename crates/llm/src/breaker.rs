//! A circuit breaker: a server that failed several calls in a row is left alone for a while.
//!
//! Closed, calls pass and failures in a row are counted. Open, none passes until the cooldown is over. Then one call
//! probes (half-open): its first token closes the breaker, its failure opens it anew, and if it is dropped without
//! either, the next call probes.
//!
//! A server that took a request and did not answer in time is slow, not ill: such a call is no failure. Only a probe that
//! runs out of time opens the breaker anew, as [`OpenCause::Busy`].
//!
//! A probe is known by its number. When another instance closed or opened the breaker in the meantime, the probe's outcome
//! is that of any other call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How the breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open {
        /// Until a probe may.
        retry_in: Duration,
    },
    /// One call may probe, or does.
    HalfOpen,
}

/// Why calls are kept from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenCause {
    /// No connection could be made.
    Unreachable,
    /// It failed or sent nonsense.
    Failing,
    /// It took the request of a probe and did not answer in time.
    Busy,
}

/// What a breaker has found out, for the breakers of other instances that call the same server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerNews {
    /// The server failed too often; it's to be left alone for this long.
    Opened(Duration),
    /// The server answers again.
    Closed,
}

#[derive(Debug)]
pub(super) struct Breaker {
    limit: u32,
    cooldown: Duration,
    circuit: Mutex<Circuit>,
    probes: AtomicU64,
    news: watch::Sender<Option<BreakerNews>>,
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
            news: watch::Sender::new(None),
        })
    }

    /// Lets a call through, or says how long to stay away and why.
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
            // How long a probe takes can't be known; a second is when asking again is no burden.
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

    /// What this breaker finds out from now on.
    pub(super) fn news(&self) -> watch::Receiver<Option<BreakerNews>> {
        self.news.subscribe()
    }

    /// Takes over what another instance found out; that is no news of this one.
    pub(super) fn apply_news(&self, news: BreakerNews) {
        let mut circuit = self.lock();
        match news {
            BreakerNews::Opened(cooldown) => {
                let cause = circuit.cause().unwrap_or(OpenCause::Failing);
                *circuit = Circuit::Open { until: Instant::now() + cooldown.min(self.cooldown), cause };
                metrics::gauge!("llm_breaker_open").set(1.0);
            }
            BreakerNews::Closed => {
                *circuit = Circuit::Closed { failures: 0 };
                metrics::gauge!("llm_breaker_open").set(0.0);
            }
        }
        tracing::info!(?news, "another instance tells of the model server");
    }

    fn open(&self, circuit: &mut Circuit, cause: OpenCause) {
        *circuit = Circuit::Open { until: Instant::now() + self.cooldown, cause };
        self.news.send_replace(Some(BreakerNews::Opened(self.cooldown)));
        metrics::gauge!("llm_breaker_open").set(1.0);
        tracing::warn!(cooldown = ?self.cooldown, ?cause, "model server failed too often, leaving it alone");
    }

    fn close(&self, circuit: &mut Circuit) {
        *circuit = Circuit::Closed { failures: 0 };
        self.news.send_replace(Some(BreakerNews::Closed));
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

/// One call's passage. Dropped without a verdict it counts for nothing.
#[derive(Debug)]
pub(super) struct Permit {
    breaker: Arc<Breaker>,
    /// The probe's number, if the call is one.
    probe: Option<u64>,
}

impl Permit {
    /// The server has begun to answer: enough for a probe, not yet a success.
    pub(super) fn alive(&mut self) {
        let probe = self.probe.take();
        let mut circuit = self.breaker.lock();
        if circuit.is_probed_by(probe) {
            self.breaker.close(&mut circuit);
        }
    }

    /// The server did what it was asked to, or declined as a healthy one does.
    pub(super) fn success(mut self) {
        self.alive();
        if let Circuit::Closed { failures } = &mut *self.breaker.lock() {
            *failures = 0;
        }
    }

    /// The server took the request and did not answer in time.
    pub(super) fn timed_out(mut self) {
        let probe = self.probe.take();
        let mut circuit = self.breaker.lock();
        if circuit.is_probed_by(probe) {
            self.breaker.open(&mut circuit, OpenCause::Busy);
        }
    }

    /// The server is ill.
    pub(super) fn failure(mut self, cause: OpenCause) {
        let probe = self.probe.take();
        let mut circuit = self.breaker.lock();
        let opens = match &mut *circuit {
            Circuit::Closed { failures } => {
                *failures += 1;
                *failures >= self.breaker.limit
            }
            // A call from before the breaker opened says nothing new, and nothing about the probe.
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
        probe.alive();
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
    async fn what_one_breaker_finds_out_another_takes_over_without_telling_it_on() {
        let (one, other) = (Breaker::new(1, COOLDOWN), Breaker::new(1, COOLDOWN));
        let (mut said, echoed) = (one.news(), other.news());
        one.enter().unwrap().failure(OpenCause::Failing);
        let news = said.borrow_and_update().unwrap();
        other.apply_news(news);
        assert_eq!(other.state(), BreakerState::Open { retry_in: COOLDOWN });
        tokio::time::advance(COOLDOWN).await;
        one.enter().unwrap().success();
        other.apply_news(said.borrow_and_update().unwrap());
        assert_eq!(other.state(), BreakerState::Closed);
        assert!(!echoed.has_changed().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_it_opened_change_nothing() {
        let breaker = Breaker::new(1, COOLDOWN);
        let [early, late, good] = [(); 3].map(|()| breaker.enter().unwrap());
        early.failure(OpenCause::Failing);
        tokio::time::advance(Duration::from_secs(5)).await;
        late.failure(OpenCause::Failing);
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
        breaker.apply_news(BreakerNews::Closed);
        drop(stale);
        assert_eq!(breaker.state(), BreakerState::Closed, "another instance closed it");

        let breaker = opened();
        tokio::time::advance(COOLDOWN).await;
        let stale = breaker.enter().unwrap();
        breaker.apply_news(BreakerNews::Opened(COOLDOWN));
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
            breaker.apply_news(BreakerNews::Opened(COOLDOWN));
            tokio::time::advance(COOLDOWN).await;
            let mut probe = breaker.enter().unwrap();
            end(stale);
            assert!(breaker.enter().is_err(), "a second probe");
            probe.alive();
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
