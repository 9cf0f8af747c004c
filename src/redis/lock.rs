//! Locks with a lifetime, so that one instance does work that all would do.

use std::time::Duration;

use super::{Redis, Unavailable, key};

/// The result of [`Redis::try_lock`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockAttempt {
    /// This instance holds the lock.
    Acquired,
    /// Another instance holds it, for at most this long.
    HeldElsewhere(Duration),
}

impl Redis {
    /// Locks `name` for `lifetime`, unless it is locked.
    pub async fn try_lock(&self, name: &str, lifetime: Duration) -> Result<LockAttempt, Unavailable> {
        let millis = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("SET").arg(key(name)).arg(1).arg("NX").arg("PX").arg(millis);
        pipe.pttl(key(name));
        let (set, left): (Option<String>, i64) = self.run(&pipe).await?;
        Ok(match set {
            Some(_) => LockAttempt::Acquired,
            None => LockAttempt::HeldElsewhere(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
        })
    }

    /// How long `name` stays locked; `None` if it is free.
    pub async fn locked_for(&self, name: &str) -> Result<Option<Duration>, Unavailable> {
        let mut pipe = redis::pipe();
        pipe.pttl(key(name));
        let (left,): (i64,) = self.run(&pipe).await?;
        Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis))
    }

    /// Unlocks `name`. If that fails, the lock expires by itself.
    pub async fn unlock(&self, name: &str) -> Result<(), Unavailable> {
        let mut pipe = redis::pipe();
        pipe.del(key(name)).ignore();
        self.run(&pipe).await
    }
}
