//! Rate limits over all instances.

use std::{sync::LazyLock, time::Duration};

use redis::Script;

use super::{Redis, Unavailable, key};

/// A limit: `count` events at once, and then evenly `count` in `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many events.
    pub count: u32,
    /// The period.
    pub per: Duration,
}

/// The generic cell rate algorithm (ITU-T I.371, annex A) by the clock of Redis: the key holds the time at which the whole
/// allowance is available again, in microseconds. All limits are checked before any is counted, so that an event refused
/// by one limit doesn't count against another.
static SCRIPT: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local full = {}
        for i, name in ipairs(KEYS) do
            local count, per = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
            local whole = math.max(tonumber(redis.call('GET', name) or 0), now) + per / count
            if whole - per > now then return {i, whole - per - now} end
            full[i] = whole
        end
        for i, name in ipairs(KEYS) do
            redis.call('SET', name, string.format('%.0f', full[i]), 'PX', math.ceil((full[i] - now) / 1000))
        end
        return {0, 0}
        ",
    )
});

impl Redis {
    /// Counts one event against all limits, or against none if one refuses it; then returns the index of that limit and the
    /// time until the event would be allowed. An error means that the event is not counted.
    pub async fn count(&self, limits: &[(String, Quota)]) -> Result<Option<(usize, Duration)>, Unavailable> {
        let mut call = SCRIPT.prepare_invoke();
        for (name, Quota { count, per }) in limits {
            let micros = u64::try_from(per.as_micros()).unwrap_or(u64::MAX);
            call.key(key(name)).arg(*count).arg(micros);
        }
        let mut connection = self.0.connected()?;
        let (limit, wait): (usize, u64) =
            call.invoke_async(&mut connection).await.map_err(|error| self.0.failed(&error))?;
        // Redis counts from one.
        Ok(limit.checked_sub(1).map(|limit| (limit, Duration::from_micros(wait))))
    }
}
