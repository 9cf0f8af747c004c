//! Claims: what one instance does, the others needn't.

use std::time::Duration;

use super::{Away, Shared, key};

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// It's this instance's.
    Ours,
    /// Another has it, and may keep it for this long.
    Theirs(Duration),
}

impl Shared {
    /// Claims `name` for `lifetime`, unless it is claimed.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn claim(&self, name: &str, lifetime: Duration) -> Result<Claimed, Away> {
        let millis = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
        let mut pipe = redis::pipe();
        pipe.atomic().cmd("SET").arg(key(name)).arg(1).arg("NX").arg("PX").arg(millis);
        pipe.pttl(key(name));
        let (set, left): (Option<String>, i64) = self.run(&pipe).await?;
        Ok(match set {
            Some(_) => Claimed::Ours,
            None => Claimed::Theirs(Duration::from_millis(u64::try_from(left).unwrap_or(0))),
        })
    }

    /// How long a claim still lasts; `None` if there is none.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn claimed_for(&self, name: &str) -> Result<Option<Duration>, Away> {
        let mut pipe = redis::pipe();
        pipe.pttl(key(name));
        let (left,): (i64,) = self.run(&pipe).await?;
        Ok(u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis))
    }

    /// Gives a claim up.
    ///
    /// # Errors
    /// [`Away`]; then it runs out by itself.
    pub async fn disclaim(&self, name: &str) -> Result<(), Away> {
        let mut pipe = redis::pipe();
        pipe.del(key(name)).ignore();
        self.run(&pipe).await
    }
}
