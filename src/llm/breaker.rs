//! A circuit breaker: a server that failed several calls in a row is left alone for a while.
//!
//! Closed, calls pass and failures in a row are counted. Open, none passes until the cooldown is over. Then one call
//! probes (half-open): its first token closes the breaker, its failure opens it anew, and if it is dropped without
//! either, the next call probes.

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
    news: watch::Sender<Option<BreakerNews>>,
}

#[derive(Debug)]
enum Circuit {
    Closed { failures: u32 },
    Open { until: Instant },
    Probing,
}

impl Breaker {
    pub(super) fn new(limit: u32, cooldown: Duration) -> Arc<Self> {
        metrics::gauge!("llm_breaker_open").set(0.0);
        Arc::new(Self {
            limit: limit.max(1),
            cooldown,
            circuit: Mutex::new(Circuit::Closed { failures: 0 }),
            news: watch::Sender::new(None),
        })
    }

    /// Lets a call through, or says how long to stay away.
    pub(super) fn enter(self: &Arc<Self>) -> Result<Permit, Duration> {
        let mut circuit = self.lock();
        let is_probe = match *circuit {
            Circuit::Closed { .. } => false,
            Circuit::Open { until } => match left(until) {
                Some(retry_in) => return Err(retry_in),
                None => true,
            },
            // How long a probe takes can't be known; a second is when asking again is no burden.
            Circuit::Probing => return Err(self.cooldown.min(Duration::from_secs(1))),
        };
        if is_probe {
            *circuit = Circuit::Probing;
        }
        Ok(Permit { breaker: self.clone(), is_probe })
    }

    pub(super) fn state(&self) -> BreakerState {
        match *self.lock() {
            Circuit::Closed { .. } => BreakerState::Closed,
            Circuit::Open { until } => match left(until) {
                Some(retry_in) => BreakerState::Open { retry_in },
                None => BreakerState::HalfOpen,
            },
            Circuit::Probing => BreakerState::HalfOpen,
        }
    }

    /// What this breaker finds out from now on.
    pub(super) fn news(&self) -> watch::Receiver<Option<BreakerNews>> {
        self.news.subscribe()
    }

    /// Takes over what another instance found out; that is no news of this one.
    pub(super) fn hear(&self, news: BreakerNews) {
        let mut circuit = self.lock();
        match news {
            BreakerNews::Opened(cooldown) => {
                *circuit = Circuit::Open { until: Instant::now() + cooldown.min(self.cooldown) };
                metrics::gauge!("llm_breaker_open").set(1.0);
            }
            BreakerNews::Closed => {
                *circuit = Circuit::Closed { failures: 0 };
                metrics::gauge!("llm_breaker_open").set(0.0);
            }
        }
        tracing::info!(?news, "another instance tells of the model server");
    }

    fn open(&self, circuit: &mut Circuit) {
        *circuit = Circuit::Open { until: Instant::now() + self.cooldown };
        self.news.send_replace(Some(BreakerNews::Opened(self.cooldown)));
        metrics::gauge!("llm_breaker_open").set(1.0);
        tracing::warn!(cooldown = ?self.cooldown, "model server failed too often, leaving it alone");
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
    is_probe: bool,
}

impl Permit {
    /// The server has begun to answer: enough for a probe, not yet a success.
    pub(super) fn alive(&mut self) {
        if std::mem::take(&mut self.is_probe) {
            self.breaker.close(&mut self.breaker.lock());
        }
    }

    /// The server did what it was asked to, or declined as a healthy one does.
    pub(super) fn success(mut self) {
        self.alive();
        if let Circuit::Closed { failures } = &mut *self.breaker.lock() {
            *failures = 0;
        }
    }

    /// The server is ill.
    pub(super) fn failure(mut self) {
        let is_probe = std::mem::take(&mut self.is_probe);
        let mut circuit = self.breaker.lock();
        let opens = match &mut *circuit {
            Circuit::Closed { failures } => {
                *failures += 1;
                *failures >= self.breaker.limit
            }
            // A call from before the breaker opened says nothing new, and nothing about the probe.
            _ => is_probe,
        };
        if opens {
            self.breaker.open(&mut circuit);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_probe {
            *self.breaker.lock() = Circuit::Open { until: Instant::now() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COOLDOWN: Duration = Duration::from_secs(15);

    fn opened() -> Arc<Breaker> {
        let breaker = Breaker::new(2, COOLDOWN);
        breaker.enter().unwrap().failure();
        breaker.enter().unwrap().failure();
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_only() {
        let breaker = Breaker::new(2, COOLDOWN);
        breaker.enter().unwrap().failure();
        breaker.enter().unwrap().success();
        breaker.enter().unwrap().failure();
        drop(breaker.enter().unwrap());
        assert_eq!(breaker.state(), BreakerState::Closed);
        breaker.enter().unwrap().failure();
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: COOLDOWN });
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(breaker.enter().unwrap_err(), Duration::from_secs(10));
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
        breaker.enter().unwrap().failure();
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
        one.enter().unwrap().failure();
        let news = said.borrow_and_update().unwrap();
        other.hear(news);
        assert_eq!(other.state(), BreakerState::Open { retry_in: COOLDOWN });
        tokio::time::advance(COOLDOWN).await;
        one.enter().unwrap().success();
        other.hear(said.borrow_and_update().unwrap());
        assert_eq!(other.state(), BreakerState::Closed);
        assert!(!echoed.has_changed().unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_it_opened_change_nothing() {
        let breaker = Breaker::new(1, COOLDOWN);
        let [early, late, good] = [(); 3].map(|()| breaker.enter().unwrap());
        early.failure();
        tokio::time::advance(Duration::from_secs(5)).await;
        late.failure();
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: Duration::from_secs(10) });
        good.success();
        assert_eq!(breaker.state(), BreakerState::Open { retry_in: Duration::from_secs(10) });
        tokio::time::advance(Duration::from_secs(10)).await;
        let probe = breaker.enter().unwrap();
        drop(probe);
        assert_eq!(breaker.state(), BreakerState::HalfOpen);
    }
}
