//! Rate limits for learners and addresses.

use std::{
    net::IpAddr,
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime},
};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};

use crate::{
    config::{LimitConfig, Switch},
    redis::{self, Redis},
};
use domain::LearnerId;

/// After this many checks, keys at their full quota are removed, so that memory follows the number of active keys.
const SWEEP_EVERY: u32 = 1_024;

/// Learners younger than this have a separate limit per address. A script that creates learners thus cannot use up the limit
/// of older ones.
const RECENT_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// A limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// The time until the next request is accepted.
    pub wait: Duration,
}

/// The limits on requests that call a model or create a learner.
///
/// Each learner has a limit. Each address has four more, so that no group of clients can use up the limit of another:
/// learners older than a day, younger learners, requests without a learner, and new learners. A school often has a single
/// address, so the limits for learners are wide; the others are small.
///
/// Instances with a common Redis count together. While Redis is unavailable, each instance counts alone.
pub struct RateLimits {
    limits: Option<Limits>,
    redis: Option<Redis>,
}

struct Limits {
    learner: Limit,
    address: Limit,
    recent: Limit,
    anonymous: Limit,
    new_learners: Limit,
}

struct Limit {
    name: &'static str,
    quota: redis::Quota,
    limiter: DefaultKeyedRateLimiter<String>,
    checks: AtomicU32,
}

impl RateLimits {
    /// Creates the limits of the settings. The requests of a whole minute may come at once.
    #[must_use]
    pub fn new(config: &LimitConfig, redis: Option<Redis>) -> Self {
        let address = config.rate_limit_address_per_minute;
        let limits = (config.rate_limit == Switch::On).then(|| Limits {
            learner: Limit::per_minute(LEARNER, config.rate_limit_learner_per_minute),
            address: Limit::per_minute(ADDRESS, address),
            recent: Limit::per_minute(ADDRESS_RECENT, address),
            anonymous: Limit::per_minute(ANONYMOUS, config.rate_limit_anonymous_per_minute.min(address)),
            new_learners: Limit::per_minute(NEW_LEARNERS, config.rate_limit_new_learners_per_minute.min(address)),
        });
        Self { limits, redis }
    }

    /// Counts a request of a learner, or one without a learner, from an address.
    ///
    /// # Errors
    /// [`RateLimited`] after too many requests.
    pub async fn check(&self, learner: Option<LearnerId>, address: IpAddr) -> Result<(), RateLimited> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let address = network_of(address).to_string();
        match learner {
            Some(learner) => {
                let group = if is_recent(learner) { &limits.recent } else { &limits.address };
                self.count(&[(&limits.learner, learner.to_string()), (group, address)]).await
            }
            None => self.count(&[(&limits.anonymous, address)]).await,
        }
    }

    /// Counts a new learner of an address.
    ///
    /// # Errors
    /// [`RateLimited`] after too many requests.
    pub async fn check_new_learner(&self, address: IpAddr) -> Result<(), RateLimited> {
        let Some(limits) = &self.limits else { return Ok(()) };
        self.count(&[(&limits.new_learners, network_of(address).to_string())]).await
    }

    /// Counts one request against all of these limits.
    async fn count(&self, limits: &[(&Limit, String)]) -> Result<(), RateLimited> {
        if let Some(redis) = &self.redis {
            let named: Vec<_> =
                limits.iter().map(|(limit, key)| (format!("rate:{}:{key}", limit.name), limit.quota)).collect();
            if let Ok(refused) = redis.count(&named).await {
                return match refused {
                    None => Ok(()),
                    Some((index, wait)) => Err(refuse(limits[index].0.name, wait)),
                };
            }
        }
        for (limit, key) in limits {
            limit.check(key).map_err(|wait| refuse(limit.name, wait))?;
        }
        Ok(())
    }
}

/// The names of the limits in the metrics and in Redis.
pub(super) const LIMITS: [&str; 5] = [LEARNER, ADDRESS, ADDRESS_RECENT, ANONYMOUS, NEW_LEARNERS];
const LEARNER: &str = "learner";
const ADDRESS: &str = "address";
const ADDRESS_RECENT: &str = "address-recent";
const ANONYMOUS: &str = "anonymous";
const NEW_LEARNERS: &str = "new-learners";

fn refuse(limit: &'static str, wait: Duration) -> RateLimited {
    metrics::counter!("rate_limited_total", "limit" => limit).increment(1);
    RateLimited { wait }
}

/// Whether the learner was created within the last day. The id of a learner is a UUIDv7, which contains the time.
fn is_recent(learner: LearnerId) -> bool {
    let Some(created) = learner.0.get_timestamp() else { return false };
    let (seconds, nanos) = created.to_unix();
    let created = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    created.elapsed().is_ok_and(|age| age < RECENT_AGE)
}

impl Limit {
    fn per_minute(name: &'static str, count: u32) -> Self {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::keyed(Quota::per_minute(count));
        let quota = redis::Quota { count: count.get(), per: Duration::from_secs(60) };
        Self { name, quota, limiter, checks: AtomicU32::new(0) }
    }

    fn check(&self, key: &String) -> Result<(), Duration> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).map_err(|not_until| not_until.wait_time_from(self.limiter.clock().now()))
    }
}

/// The network that counts as one address: a household or school usually has a whole IPv6 /64.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
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
            rate_limit_anonymous_per_minute: 60,
            rate_limit_new_learners_per_minute: 120,
            daily_token_budget: 0,
            stateless_daily_token_budget: None,
            stateless_address_daily_tokens: None,
            max_turns: 1,
            max_followers: 1,
            max_followers_per_learner: 1,
            max_followers_per_turn: 1,
            guide_cache: 1,
            answer_cache_mb: 1,
        };
        RateLimits::new(&config, None)
    }

    const SCHOOL: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 7));

    #[tokio::test]
    async fn forty_learners_behind_one_address_are_not_limited() {
        let limits = limits(20, 600);
        for _ in 0..40 {
            let learner = LearnerId::new();
            for _ in 0..10 {
                assert!(limits.check(Some(learner), SCHOOL).await.is_ok());
            }
        }
    }

    #[tokio::test]
    async fn the_limit_of_one_learner_does_not_affect_others() {
        let limits = limits(3, 600);
        let learner = LearnerId::new();
        for _ in 0..3 {
            assert!(limits.check(Some(learner), SCHOOL).await.is_ok());
        }
        let RateLimited { wait } = limits.check(Some(learner), SCHOOL).await.unwrap_err();
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

    #[tokio::test]
    async fn requests_without_a_learner_do_not_use_up_the_limits_of_learners() {
        let limits = limits(20, 600);
        while limits.check(None, SCHOOL).await.is_ok() {}
        for _ in 0..120 {
            assert!(limits.check_new_learner(SCHOOL).await.is_ok());
        }
        assert!(limits.check_new_learner(SCHOOL).await.is_err());
        assert!(limits.check(None, SCHOOL).await.is_err());
        for _ in 0..70 {
            assert!(limits.check(Some(LearnerId::new()), SCHOOL).await.is_ok());
        }
    }

    #[tokio::test]
    async fn new_learners_do_not_use_up_the_limit_of_older_ones() {
        let limits = limits(20, 100);
        while limits.check(Some(LearnerId::new()), SCHOOL).await.is_ok() {}
        let then = SystemTime::now() - RECENT_AGE - Duration::from_secs(1);
        let seconds = then.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        for n in 0..100 {
            let made = uuid::Timestamp::from_unix(uuid::NoContext, seconds, n);
            assert!(limits.check(Some(LearnerId(uuid::Uuid::new_v7(made))), SCHOOL).await.is_ok(), "{n}");
        }
    }
}
