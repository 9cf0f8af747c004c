//! Leases: which instances serve, by the database's own clock.
//!
//! An instance takes a lease when it starts and renews it while it serves. When a lease expires, another instance
//! revokes it and interrupts its turns in the same transaction. A revoked lease can't be renewed, and writes under it
//! change nothing (see [`FencingToken`](crate::FencingToken)). An instance whose lease was revoked takes a new one with a
//! higher number.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, Set,
    sea_query::{Expr, Query},
};

use super::{
    Store, StoreError,
    entity::{
        leases::{ActiveModel, Column, Entity},
        turns,
    },
    turns::{finish::interrupt, is_running},
};
use crate::{Lease, now};
use domain::conversation::Millis;

/// Which other instances may serve at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeaseMode {
    /// None. Takes over any existing lease: for a database that only one process of one machine opens.
    TakeOver,
    /// None. Is refused while another instance serves.
    Exclusive,
    /// Those that take their lease with the same mode.
    Shared,
}

/// The answer to a request for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseGrant {
    /// The lease was taken.
    Granted {
        /// Its number.
        lease: Lease,
        /// How many turns without a running instance were interrupted.
        interrupted: u64,
    },
    /// Another instance serves, and the two modes exclude each other.
    Refused {
        /// The name that the other instance gave itself.
        holder: String,
    },
}

/// Sentinel expiry of a revoked lease.
const REVOKED: Millis = 0;

/// The longest that a turn without a lease can run. Versions before leases began it.
const MAX_TURN_DURATION: Millis = 10 * 60 * 1000;

/// PostgreSQL's lock on taking leases, until the transaction ends. The number is arbitrary.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7401190313)";

impl Store {
    /// Takes a lease for `lifetime`, if the mode and the existing leases allow it. Unless the mode is
    /// [`LeaseMode::Shared`], all other leases are revoked and all running turns interrupted.
    pub async fn take_lease(
        &self,
        holder: &str,
        mode: LeaseMode,
        lifetime: Duration,
    ) -> Result<LeaseGrant, StoreError> {
        let holder = holder.to_owned();
        self.write(move |db| {
            Box::pin(async move {
                if db.get_database_backend() == DbBackend::Postgres {
                    db.execute_unprepared(LOCK).await?;
                }
                let blocking_holder = match mode {
                    LeaseMode::TakeOver => None,
                    LeaseMode::Exclusive => live(db, Condition::all()).await?,
                    LeaseMode::Shared => live(db, Condition::all().add(Column::Alone.eq(true))).await?,
                };
                if let Some(holder) = blocking_holder {
                    return Ok(LeaseGrant::Refused { holder });
                }
                let interrupted = if mode == LeaseMode::Shared {
                    // Expired leases of others are not revoked here: an outage of the database expires all of them.
                    interrupt(db, is_abandoned(), now()).await?
                } else {
                    revoke(db, Condition::all()).await?;
                    interrupt(db, is_running(), now()).await?
                };
                let lease = insert(db, holder, mode, lifetime).await?;
                Ok(LeaseGrant::Granted { lease, interrupted })
            })
        })
        .await
    }

    /// Renews the lease for `lifetime` from now on; `false` if it was revoked. An expired lease that is not revoked can be
    /// renewed.
    ///
    /// # Errors
    /// When the database can't be written, or SQLite's file was deleted or replaced.
    pub async fn renew_lease(&self, lease: Lease, lifetime: Duration) -> Result<bool, StoreError> {
        self.check_file().await?;
        self.write(move |db| {
            Box::pin(async move {
                let renewed = Entity::update_many()
                    .col_expr(Column::ExpiresAt, clock(db).add(millis(lifetime)))
                    .filter(Column::Id.eq(lease.0))
                    .filter(Column::ExpiresAt.ne(REVOKED))
                    .exec(db)
                    .await?;
                Ok(renewed.rows_affected > 0)
            })
        })
        .await
    }

    /// Revokes the lease and interrupts the turns that still run under it.
    pub async fn release_lease(&self, lease: Lease) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                revoke(db, Condition::all().add(Column::Id.eq(lease.0))).await?;
                interrupt(db, Condition::all().add(turns::Column::Lease.eq(lease.0)), now()).await?;
                Ok(())
            })
        })
        .await
    }

    /// Revokes expired leases and interrupts their turns. Returns the number of interrupted turns.
    pub async fn expire_leases(&self) -> Result<u64, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                revoke(db, is_expired(db)).await?;
                // Also turns that an instance accepted before it noticed that its lease is revoked.
                interrupt(db, is_of_revoked_lease(), now()).await
            })
        })
        .await
    }

    /// Deletes revoked leases except the newest lease of all, which records that the database was served. Numbers are
    /// never reused. Returns the number of deleted rows.
    pub(super) async fn purge_leases(&self) -> Result<u64, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let newest = Query::select().expr(Column::Id.max()).from(Entity).take();
                let revoked = Entity::delete_many()
                    .filter(Column::ExpiresAt.eq(REVOKED))
                    .filter(Column::Id.not_in_subquery(newest));
                Ok(revoked.exec(db).await?.rows_affected)
            })
        })
        .await
    }

    /// Whether an instance serves this database.
    pub async fn is_served(&self) -> Result<bool, StoreError> {
        self.write(|db| Box::pin(async move { Ok(live(db, Condition::all()).await?.is_some()) })).await
    }

    /// Whether an instance ever served this database.
    pub async fn was_ever_served(&self) -> Result<bool, StoreError> {
        Ok(Entity::find().one(&self.reader).await?.is_some())
    }
}

async fn insert(
    db: &DatabaseTransaction,
    holder: String,
    mode: LeaseMode,
    lifetime: Duration,
) -> Result<Lease, StoreError> {
    let at = database_time(db).await?;
    let row = ActiveModel {
        holder: Set(holder),
        alone: Set(mode != LeaseMode::Shared),
        taken_at: Set(at),
        expires_at: Set(at + millis(lifetime)),
        ..Default::default()
    };
    Ok(Lease(Entity::insert(row).exec(db).await?.last_insert_id))
}

/// The holder of an unexpired lease among these.
async fn live(db: &DatabaseTransaction, which: Condition) -> Result<Option<String>, StoreError> {
    Ok(Entity::find()
        .select_only()
        .column(Column::Holder)
        .filter(which)
        .filter(Expr::col(Column::ExpiresAt).gt(clock(db)))
        .order_by_desc(Column::Id)
        .into_tuple()
        .one(db)
        .await?)
}

async fn revoke(db: &DatabaseTransaction, which: Condition) -> Result<u64, StoreError> {
    let revoked = Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(REVOKED))
        .filter(which)
        .filter(Column::ExpiresAt.ne(REVOKED))
        .exec(db)
        .await?;
    Ok(revoked.rows_affected)
}

fn is_expired(db: &DatabaseTransaction) -> Condition {
    Condition::all().add(Expr::col(Column::ExpiresAt).lte(clock(db)))
}

/// Turns whose lease is revoked, or deleted after it was revoked.
fn is_of_revoked_lease() -> Condition {
    let kept = Query::select().column(Column::Id).from(Entity).and_where(Column::ExpiresAt.ne(REVOKED)).take();
    Condition::all().add(turns::Column::Lease.is_not_null()).add(turns::Column::Lease.not_in_subquery(kept))
}

/// Turns of a version without leases, old enough that none can still run.
fn is_abandoned() -> Condition {
    Condition::all().add(turns::Column::Lease.is_null()).add(turns::Column::CreatedAt.lt(now() - MAX_TURN_DURATION))
}

/// The database's clock in milliseconds since 1970, the only clock that leases are compared with.
fn clock(db: &DatabaseTransaction) -> Expr {
    Expr::cust(match db.get_database_backend() {
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        _ => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
    })
}

async fn database_time(db: &DatabaseTransaction) -> Result<Millis, StoreError> {
    let query = Query::select().expr_as(clock(db), "now").take();
    let row = db.query_one(&query).await?;
    let row = row.ok_or_else(|| StoreError::unreadable("the clock"))?;
    Ok(row.try_get("", "now")?)
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX / 2)
}
