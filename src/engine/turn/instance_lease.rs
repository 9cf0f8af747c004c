//! The lease of this instance, and until when it is certainly valid.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use crate::{config::Config, host_name::host_name};
use store::{DatabaseEngine, Lease, LeaseGrant, LeaseMode, Store, StoreError};

/// How long a lease on PostgreSQL lasts without renewal.
pub const POSTGRES_LEASE_LIFETIME: Duration = Duration::from_secs(5);

/// How an instance holds its lease.
#[derive(Debug, Clone)]
pub struct LeaseConfig {
    /// The name of the instance in the database and in the logs of other instances.
    pub holder: String,
    /// Who else may serve.
    pub mode: LeaseMode,
    /// How long a lease lasts without renewal. Turns of an instance that died are interrupted after this time, at most one
    /// renewal interval later.
    pub lifetime: Duration,
    /// How often it is renewed.
    pub renewal_interval: Duration,
}

impl LeaseConfig {
    /// The configuration for a database of this kind. An SQLite file is served by the one process that holds its lock
    /// ([`store::DatabaseLock`]); a renewal costs a write to disk, so it is rare. On PostgreSQL, other instances have to
    /// notice soon that this one died.
    #[must_use]
    pub fn new(config: &Config, engine: DatabaseEngine) -> Self {
        let seconds = Duration::from_secs;
        let (mode, lifetime, renewal_interval) = match (engine, config.redis()) {
            (DatabaseEngine::Sqlite, _) => (LeaseMode::TakeOver, seconds(30), seconds(10)),
            (DatabaseEngine::Postgres, None) => (LeaseMode::Exclusive, POSTGRES_LEASE_LIFETIME, seconds(1)),
            (DatabaseEngine::Postgres, Some(_)) => (LeaseMode::Shared, POSTGRES_LEASE_LIFETIME, seconds(1)),
        };
        let holder = format!("{} at port {}, process {}", host_name(), config.app_port, std::process::id());
        Self { holder, mode, lifetime, renewal_interval }
    }
}

/// Why an instance may not serve.
#[derive(Debug, thiserror::Error)]
pub enum LeaseConfigError {
    /// Another instance serves and doesn't share the database.
    #[error("{holder} serves this database already; for several instances, give each of them the same REDIS_URL")]
    Taken {
        /// Its name.
        holder: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The lease of this instance. Clones share it.
#[derive(Clone)]
pub struct InstanceLease(Arc<Inner>);

struct Inner {
    store: Store,
    config: LeaseConfig,
    held: Mutex<Held>,
}

struct Held {
    lease: Lease,
    /// Since when it was renewed in time, without a gap.
    since: Instant,
    /// Until when it lasts for sure: counted from before the renewal was sent.
    until: Instant,
    /// Whether the database failed when it was last asked. Requests are then refused without asking it again.
    failing: bool,
}

/// The result of a renewal.
pub(super) enum Renewal {
    /// The lease was renewed.
    Renewed,
    /// The database didn't answer in time.
    Late,
    /// The lease had expired, and this instance has another one now.
    Replaced {
        /// The expired lease.
        old: Lease,
    },
    /// The lease had expired, and another instance serves alone.
    Lost {
        /// The expired lease.
        old: Lease,
    },
}

impl InstanceLease {
    /// Acquires a lease and interrupts the turns of expired leases. Waits for the lease of another instance to expire,
    /// which may have died a moment ago.
    ///
    /// # Errors
    /// [`LeaseConfigError`] if another instance serves and doesn't share, or if the database fails.
    pub async fn acquire(store: Store, config: LeaseConfig) -> Result<Self, LeaseConfigError> {
        let deadline = Instant::now() + config.lifetime + config.renewal_interval;
        let mut is_logged = false;
        loop {
            let asked = Instant::now();
            match store.take_lease(&config.holder, config.mode, config.lifetime).await? {
                LeaseGrant::Granted { lease, interrupted } => {
                    if interrupted > 0 {
                        tracing::warn!(
                            turns = interrupted,
                            "turns of an earlier run were interrupted; students can try them again"
                        );
                    }
                    let held = Held { lease, since: asked, until: asked + config.lifetime, failing: false };
                    return Ok(Self(Arc::new(Inner { store, config, held: Mutex::new(held) })));
                }
                LeaseGrant::Refused { holder } if Instant::now() >= deadline => {
                    return Err(LeaseConfigError::Taken { holder });
                }
                LeaseGrant::Refused { holder } => {
                    if !std::mem::replace(&mut is_logged, true) {
                        tracing::warn!(holder, "another instance holds this database; waiting for its lease to expire");
                    }
                    tokio::time::sleep(config.renewal_interval).await;
                }
            }
        }
    }

    pub(super) fn config(&self) -> &LeaseConfig {
        &self.0.config
    }

    /// Whether this instance may run turns.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.lease().is_some()
    }

    /// The lease, while it can't have expired and the database answers.
    pub(super) fn lease(&self) -> Option<Lease> {
        let held = self.held();
        (Instant::now() < held.until && !held.failing).then_some(held.lease)
    }

    /// Records that the database failed; `true` if it did not fail before.
    pub(super) fn record_failure(&self) -> bool {
        !std::mem::replace(&mut self.held().failing, true)
    }

    /// Records that the database answered; `true` if it failed before. A caller that got an answer records it before it
    /// returns the answer, because the receiver may ask the database at once.
    pub(super) fn record_answer(&self) -> bool {
        let is_news = std::mem::replace(&mut self.held().failing, false);
        if is_news {
            tracing::info!("the database answers again");
        }
        is_news
    }

    /// Whether the database failed when it was last asked.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.held().failing
    }

    /// The lease, whether or not it has expired.
    pub(super) fn last_lease(&self) -> Lease {
        self.held().lease
    }

    /// Whether this instance may expire the leases of others: it renewed its own in time for a whole lifetime. An outage of
    /// the database delays all instances, so it is no sign that one of them died.
    pub(super) fn may_expire_others(&self) -> bool {
        let held = self.held();
        let now = Instant::now();
        now < held.until && now.duration_since(held.since) >= self.0.config.lifetime
    }

    /// Renews the lease, or acquires another if it expired.
    pub(super) async fn renew(&self) -> Result<Renewal, StoreError> {
        let Inner { store, config: LeaseConfig { holder, mode, lifetime, renewal_interval }, .. } = &*self.0;
        let asked = Instant::now();
        let old = self.last_lease();
        let Ok(renewed) = timeout(*lifetime - *renewal_interval, store.renew_lease(old, *lifetime)).await else {
            return Ok(Renewal::Late);
        };
        if renewed? {
            let mut held = self.held();
            if asked >= held.until {
                held.since = asked;
            }
            held.until = asked + *lifetime;
            return Ok(Renewal::Renewed);
        }
        self.held().until = asked;
        // An instance that took over is running. Its lease is taken back only after it expired.
        let mode = if *mode == LeaseMode::TakeOver { LeaseMode::Exclusive } else { *mode };
        let asked = Instant::now();
        match store.take_lease(holder, mode, *lifetime).await? {
            LeaseGrant::Granted { lease, .. } => {
                *self.held() = Held { lease, since: asked, until: asked + *lifetime, failing: false };
                Ok(Renewal::Replaced { old })
            }
            LeaseGrant::Refused { .. } => Ok(Renewal::Lost { old }),
        }
    }

    /// Releases the lease. No renewal may follow.
    pub async fn release(&self) {
        if let Err(error) = self.0.store.release_lease(self.last_lease()).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the lease was not released; it expires by itself"
            );
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
