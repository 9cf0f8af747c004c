//! How often a learner, and an address, may ask.

use std::{
    hash::Hash,
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

use crate::{
    config::{LimitConfig, Switch},
    domain::LearnerId,
    shared::{self, Shared},
};

/// After this many checks, keys that have fully recovered are forgotten, so memory follows the number of active ones.
const SWEEP_EVERY: u32 = 1_024;

/// The limits: by learner first, by address second. A class of forty behind one address is what the second must let
/// through, so it's the wider one.
///
/// Instances that share a Redis count together there. While it is away, each counts what it sees itself.
pub struct RateLimits {
    limits: Option<Limits>,
    shared: Option<Shared>,
}

struct Limits {
    learner: Limit<LearnerId>,
    address: Limit<IpAddr>,
}

struct Limit<K: Hash + Eq + Clone> {
    quota: shared::Quota,
    limiter: DefaultKeyedRateLimiter<K>,
    checks: AtomicU32,
}

impl RateLimits {
    /// Limits as the settings say. A whole minute's worth may come at once.
    #[must_use]
    pub fn new(config: &LimitConfig, shared: Option<Shared>) -> Self {
        let limits = (config.rate_limit == Switch::On).then(|| Limits {
            learner: Limit::per_minute(config.rate_limit_learner_per_minute),
            address: Limit::per_minute(config.rate_limit_address_per_minute),
        });
        Self { limits, shared }
    }

    /// Counts a question of a learner from an address.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub async fn check(&self, learner: Option<LearnerId>, address: IpAddr) -> Result<(), Duration> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let address = network(address);
        if let Some(shared) = &self.shared
            && let Ok(refused) = shared.count(&limits.named(learner, address)).await
        {
            return match refused {
                None => Ok(()),
                Some((0, wait)) if learner.is_some() => Err(refuse(LEARNER, wait)),
                Some((_, wait)) => Err(refuse(ADDRESS, wait)),
            };
        }
        if let Some(learner) = learner {
            limits.learner.check(&learner).map_err(|wait| refuse(LEARNER, wait))?;
        }
        limits.address.check(&address).map_err(|wait| refuse(ADDRESS, wait))
    }
}

/// What the limits are called in the figures.
pub(super) const LEARNER: &str = "learner";
pub(super) const ADDRESS: &str = "address";

fn refuse(limit: &'static str, wait: Duration) -> Duration {
    metrics::counter!("rate_limited_total", "limit" => limit).increment(1);
    wait
}

impl Limits {
    /// The limits that concern a question, by the name under which all instances count them.
    fn named(&self, learner: Option<LearnerId>, address: IpAddr) -> Vec<(String, shared::Quota)> {
        let learner = learner.map(|learner| (format!("rate:learner:{learner}"), self.learner.quota));
        learner.into_iter().chain([(format!("rate:address:{address}"), self.address.quota)]).collect()
    }
}

impl<K: Hash + Eq + Clone> Limit<K> {
    fn per_minute(count: u32) -> Self {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(count));
        let quota = shared::Quota { count: count.get(), per: Duration::from_secs(60) };
        Self { quota, limiter, checks: AtomicU32::new(0) }
    }

    fn check(&self, key: &K) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(self.limiter.clock().now()))
    }
}

/// One household or school holds a whole IPv6 /64, so that is what counts as an address.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            [a, b, c, d, 0, 0, 0, 0].into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(learner: u32, address: u32) -> RateLimits {
        let config = LimitConfig {
            rate_limit: Switch::On,
            rate_limit_learner_per_minute: learner,
            rate_limit_address_per_minute: address,
            daily_token_budget: 0,
            max_turns: 1,
            guide_cache: 1,
        };
        RateLimits::new(&config, None)
    }

    const SCHOOL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    #[tokio::test]
    async fn a_class_of_forty_behind_one_address_may_ask_together() {
        let limits = limits(20, 600);
        for _ in 0..40 {
            let learner = LearnerId::new();
            for _ in 0..10 {
                assert!(limits.check(Some(learner), SCHOOL).await.is_ok());
            }
        }
    }

    #[tokio::test]
    async fn a_learner_who_asks_too_often_has_to_wait_and_others_do_not() {
        let limits = limits(3, 600);
        let learner = LearnerId::new();
        for _ in 0..3 {
            assert!(limits.check(Some(learner), SCHOOL).await.is_ok());
        }
        let wait = limits.check(Some(learner), SCHOOL).await.unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(20), "{wait:?}");
        assert!(limits.check(Some(LearnerId::new()), SCHOOL).await.is_ok());
    }

    #[tokio::test]
    async fn one_ipv6_network_counts_as_one_address() {
        let limits = limits(1, 2);
        let address = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]);
        assert!(limits.check(None, address(1)).await.is_ok());
        assert!(limits.check(None, address(2)).await.is_ok());
        assert!(limits.check(None, address(3)).await.is_err());
    }
}
