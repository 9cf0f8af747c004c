//! How often a learner, and an address, may ask.

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

/// After this many checks, keys that have fully recovered are forgotten, so memory follows the number of active ones.
const SWEEP_EVERY: u32 = 1_024;

/// A learner younger than this shares the limit of their address with others who came as late. A script that makes
/// learners to ask with can't use up the limit of those who are known from before.
const NEW_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// A limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimited {
    /// How long until the next request may come.
    pub wait: Duration,
}

/// The limits on requests that cost something.
///
/// Each learner has a limit, and behind one address each of these groups has one of its own, so that none can use up
/// another's: learners known for a day, learners who came within the last day, requests without a learner, and new
/// learners. A school sits behind one address, so the limits of learners are wide; the others are small.
///
/// Instances that share a Redis count together there. While it is away, each counts what it sees itself.
pub struct RateLimits {
    limits: Option<Limits>,
    shared: Option<Redis>,
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
    /// Limits as the settings say. A whole minute's worth may come at once.
    #[must_use]
    pub fn new(config: &LimitConfig, shared: Option<Redis>) -> Self {
        let address = config.rate_limit_address_per_minute;
        let limits = (config.rate_limit == Switch::On).then(|| Limits {
            learner: Limit::per_minute(LEARNER, config.rate_limit_learner_per_minute),
            address: Limit::per_minute(ADDRESS, address),
            recent: Limit::per_minute(ADDRESS_RECENT, address),
            anonymous: Limit::per_minute(ANONYMOUS, config.rate_limit_anonymous_per_minute.min(address)),
            new_learners: Limit::per_minute(NEW_LEARNERS, config.rate_limit_new_learners_per_minute.min(address)),
        });
        Self { limits, shared }
    }

    /// Counts a request of a learner, or one without a learner, from an address.
    ///
    /// # Errors
    /// [`RateLimited`] after too many requests.
    pub async fn check(&self, learner: Option<LearnerId>, address: IpAddr) -> Result<(), RateLimited> {
        let Some(limits) = &self.limits else { return Ok(()) };
        let address = network(address).to_string();
        match learner {
            Some(learner) => {
                let group = if is_recent(learner) { &limits.recent } else { &limits.address };
                self.count(&[(&limits.learner, learner.to_string()), (group, address)]).await
            }
            None => self.count(&[(&limits.anonymous, address)]).await,
        }
    }

    /// Counts a learner who is made for a request from an address.
    ///
    /// # Errors
    /// [`RateLimited`] after too many requests.
    pub async fn check_new_learner(&self, address: IpAddr) -> Result<(), RateLimited> {
        let Some(limits) = &self.limits else { return Ok(()) };
        self.count(&[(&limits.new_learners, network(address).to_string())]).await
    }

    /// Counts one request against all of these limits.
    async fn count(&self, limits: &[(&Limit, String)]) -> Result<(), RateLimited> {
        if let Some(shared) = &self.shared {
            let named: Vec<_> =
                limits.iter().map(|(limit, key)| (format!("rate:{}:{key}", limit.name), limit.quota)).collect();
            if let Ok(refused) = shared.count(&named).await {
                return match refused {
                    None => Ok(()),
                    Some((place, wait)) => Err(refuse(limits[place].0.name, wait)),
                };
            }
        }
        for (limit, key) in limits {
            limit.check(key).map_err(|wait| refuse(limit.name, wait))?;
        }
        Ok(())
    }
}

/// What the limits are called in the metrics and in Redis.
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

/// Whether the learner was made within the last day. A learner's id holds that time.
fn is_recent(learner: LearnerId) -> bool {
    let Some(made) = learner.0.get_timestamp() else { return false };
    let (seconds, nanos) = made.to_unix();
    let made = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
    made.elapsed().is_ok_and(|age| age < NEW_FOR)
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
            rate_limit_anonymous_per_minute: 60,
            rate_limit_new_learners_per_minute: 120,
            daily_token_budget: 0,
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
    async fn requests_without_a_learner_do_not_use_up_the_limits_of_learners_or_newcomers() {
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
    async fn learners_made_just_now_do_not_use_up_the_limit_of_those_known_from_before() {
        let limits = limits(20, 100);
        while limits.check(Some(LearnerId::new()), SCHOOL).await.is_ok() {}
        let then = SystemTime::now() - NEW_FOR - Duration::from_secs(1);
        let seconds = then.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        for n in 0..100 {
            let made = uuid::Timestamp::from_unix(uuid::NoContext, seconds, n);
            assert!(limits.check(Some(LearnerId(uuid::Uuid::new_v7(made))), SCHOOL).await.is_ok(), "{n}");
        }
    }
}
