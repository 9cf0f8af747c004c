//! The lease of this instance, as far as it can be sure of it.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, timeout};

use store::Lease;
use store::{LeaseGrant, LeaseMode, Store, StoreError};

/// On what terms an instance serves.
#[derive(Debug, Clone)]
pub struct Terms {
    /// What it calls itself in the database and in other instances' logs.
    pub holder: String,
    /// Who else may serve.
    pub mode: LeaseMode,
    /// How long a lease lasts without renewal. What a dead instance ran is given up between this and a beat later.
    pub lifetime: Duration,
    /// How often it is renewed.
    pub beat: Duration,
}

/// Why an instance may not serve.
#[derive(Debug, thiserror::Error)]
pub enum TermsError {
    /// Another instance serves, and they would not share.
    #[error("{holder} serves this database already; for several instances, give each of them the same REDIS_URL")]
    Taken {
        /// What it calls itself.
        holder: String,
    },
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) struct Tenure {
    pub(super) terms: Terms,
    held: Mutex<Held>,
}

struct Held {
    lease: Lease,
    /// Since when it was renewed in time, without a gap.
    since: Instant,
    /// Until when it lasts for sure: counted from before the renewal was sent.
    until: Instant,
    /// Whether the database failed when it was last asked. Then nobody needs to wait for it to fail once more.
    failing: bool,
}

/// What a renewal brought.
pub(super) enum Renewal {
    /// All is well.
    Kept,
    /// The database didn't answer in time to say.
    Late,
    /// It was buried, and this instance has another one now.
    Replaced {
        /// The one that is void.
        old: Lease,
    },
    /// It was buried, and others don't let this instance have another.
    Lost {
        /// The one that is void.
        old: Lease,
    },
}

impl Tenure {
    /// Takes a lease. One who is in the way is given the time to run out: it may have died a moment ago.
    pub(super) async fn begin(store: &Store, terms: Terms) -> Result<(Self, u64), TermsError> {
        let deadline = Instant::now() + terms.lifetime + terms.beat;
        let mut said = false;
        loop {
            let asked = Instant::now();
            match store.take_lease(&terms.holder, terms.mode, terms.lifetime).await? {
                LeaseGrant::Granted { lease, interrupted } => {
                    let held = Held { lease, since: asked, until: asked + terms.lifetime, failing: false };
                    return Ok((Self { terms, held: Mutex::new(held) }, interrupted));
                }
                LeaseGrant::Refused { holder } if Instant::now() >= deadline => {
                    return Err(TermsError::Taken { holder });
                }
                LeaseGrant::Refused { holder } => {
                    if !std::mem::replace(&mut said, true) {
                        tracing::warn!(
                            holder,
                            "another instance holds this database; waiting for its lease to run out"
                        );
                    }
                    tokio::time::sleep(terms.beat).await;
                }
            }
        }
    }

    /// The lease, while it can't have run out and the database answers.
    pub(super) fn lease(&self) -> Option<Lease> {
        let held = self.held();
        (Instant::now() < held.until && !held.failing).then_some(held.lease)
    }

    /// Notes that the database failed; `true` if that is news.
    pub(super) fn note_failure(&self) -> bool {
        !std::mem::replace(&mut self.held().failing, true)
    }

    /// Notes that the database answered; `true` if that is news. Whoever gets an answer says so before anybody is told
    /// what it was: they would ask for it at once.
    pub(super) fn note_answer(&self) -> bool {
        let is_news = std::mem::replace(&mut self.held().failing, false);
        if is_news {
            tracing::info!("the database answers again");
        }
        is_news
    }

    /// Whether the database failed when it was last asked.
    pub(super) fn is_failing(&self) -> bool {
        self.held().failing
    }

    /// The lease, whether or not it has run out.
    pub(super) fn last_lease(&self) -> Lease {
        self.held().lease
    }

    /// Whether this instance may judge others: it was itself in time for as long as it expects of them. After the
    /// database was away for all, everybody is late, and that is no sign of death.
    pub(super) fn may_judge(&self) -> bool {
        let held = self.held();
        let now = Instant::now();
        now < held.until && now.duration_since(held.since) >= self.terms.lifetime
    }

    /// Renews the lease, or takes another if it was buried.
    pub(super) async fn renew(&self, store: &Store) -> Result<Renewal, StoreError> {
        let Terms { holder, mode, lifetime, beat } = &self.terms;
        let asked = Instant::now();
        let old = self.last_lease();
        let Ok(renewed) = timeout(*lifetime - *beat, store.renew_lease(old, *lifetime)).await else {
            return Ok(Renewal::Late);
        };
        if renewed? {
            let mut held = self.held();
            if asked >= held.until {
                held.since = asked;
            }
            held.until = asked + *lifetime;
            return Ok(Renewal::Kept);
        }
        self.held().until = asked;
        // Who took over while this one lived would lose in turn; so it's only taken back from the dead.
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

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
