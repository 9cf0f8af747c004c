//! Leases: which instances live, by the database's own clock.
//!
//! An instance takes one when it starts and renews it while it lives. One that let it run out is declared dead by
//! another, for good: its number is buried, and the turns it ran are interrupted in the same transaction. It can't
//! renew a buried lease, and whatever it still wants to write under it changes nothing (see
//! [`Hold`](crate::Hold)). Should it live after all, it takes a new lease, with a higher number.

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

/// Who else may serve at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Company {
    /// Nobody, and whoever did before is gone: for a database that only one process of one machine opens.
    Successor,
    /// Nobody, and who serves already is left in peace.
    Alone,
    /// Others that also share.
    Shared,
}

/// What became of the wish for a lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leased {
    /// It's yours.
    Taken {
        /// Its number.
        lease: Lease,
        /// How many turns were interrupted that nobody runs.
        interrupted: u64,
    },
    /// This instance lives and would not share, or you would not.
    Refused {
        /// What it calls itself.
        holder: String,
    },
}

/// Buried: no clock ever shows this.
const BURIED: Millis = 0;

/// Turns without a lease were begun by a version that knew none. None runs longer than this.
const LONGEST_TURN: Millis = 10 * 60 * 1000;

/// PostgreSQL's lock on taking leases, until the transaction ends. As with the lock on migrating, any number would do.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7401190313)";

impl Store {
    /// Takes a lease for `lifetime`, if those who hold one allow it. Who serves alone interrupts what runs.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn take_lease(&self, holder: &str, company: Company, lifetime: Duration) -> Result<Leased, StoreError> {
        let holder = holder.to_owned();
        self.write(move |db| {
            Box::pin(async move {
                if db.get_database_backend() == DbBackend::Postgres {
                    db.execute_unprepared(LOCK).await?;
                }
                let in_the_way = match company {
                    Company::Successor => None,
                    Company::Alone => live(db, Condition::all()).await?,
                    Company::Shared => live(db, Condition::all().add(Column::Alone.eq(true))).await?,
                };
                if let Some(holder) = in_the_way {
                    return Ok(Leased::Refused { holder });
                }
                let interrupted = if company == Company::Shared {
                    // Who is dead among the others is not for a newcomer to say: perhaps the database was away for all.
                    interrupt(db, is_forgotten(), now()).await?
                } else {
                    bury(db, Condition::all()).await?;
                    interrupt(db, is_running(), now()).await?
                };
                let lease = insert(db, holder, company, lifetime).await?;
                Ok(Leased::Taken { lease, interrupted })
            })
        })
        .await
    }

    /// Makes the lease last for another `lifetime` from now on; `false` if it was buried. A lease that ran out and that
    /// nobody buried is as good as before.
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
                    .filter(Column::ExpiresAt.ne(BURIED))
                    .exec(db)
                    .await?;
                Ok(renewed.rows_affected > 0)
            })
        })
        .await
    }

    /// Gives the lease back. What still runs under it is interrupted.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn release_lease(&self, lease: Lease) -> Result<(), StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                bury(db, Condition::all().add(Column::Id.eq(lease.0))).await?;
                interrupt(db, Condition::all().add(turns::Column::Lease.eq(lease.0)), now()).await?;
                Ok(())
            })
        })
        .await
    }

    /// Buries the leases that have run out, interrupts what ran under them, and says how many turns that were.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn bury_the_dead(&self) -> Result<u64, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                bury(db, has_run_out(db)).await?;
                // Also what an instance that doesn't know of its death took in since.
                interrupt(db, is_of_the_dead(), now()).await
            })
        })
        .await
    }

    /// Deletes revoked leases but for the newest lease of all, which tells that the database was served. Numbers are not
    /// given out again. Returns the number of deleted rows.
    pub(super) async fn purge_leases(&self) -> Result<u64, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let newest = Query::select().expr(Column::Id.max()).from(Entity).take();
                let revoked = Entity::delete_many()
                    .filter(Column::ExpiresAt.eq(BURIED))
                    .filter(Column::Id.not_in_subquery(newest));
                Ok(revoked.exec(db).await?.rows_affected)
            })
        })
        .await
    }

    /// Whether an instance lives that serves this database.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn is_served(&self) -> Result<bool, StoreError> {
        self.write(|db| Box::pin(async move { Ok(live(db, Condition::all()).await?.is_some()) })).await
    }

    /// Whether an instance ever served this database.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn was_ever_served(&self) -> Result<bool, StoreError> {
        Ok(Entity::find().one(&self.reader).await?.is_some())
    }
}

async fn insert(
    db: &DatabaseTransaction,
    holder: String,
    company: Company,
    lifetime: Duration,
) -> Result<Lease, StoreError> {
    let at = database_time(db).await?;
    let row = ActiveModel {
        holder: Set(holder),
        alone: Set(company != Company::Shared),
        taken_at: Set(at),
        expires_at: Set(at + millis(lifetime)),
        ..Default::default()
    };
    Ok(Lease(Entity::insert(row).exec(db).await?.last_insert_id))
}

/// The holder of a live lease among these.
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

async fn bury(db: &DatabaseTransaction, which: Condition) -> Result<u64, StoreError> {
    let buried = Entity::update_many()
        .col_expr(Column::ExpiresAt, Expr::value(BURIED))
        .filter(which)
        .filter(Column::ExpiresAt.ne(BURIED))
        .exec(db)
        .await?;
    Ok(buried.rows_affected)
}

fn has_run_out(db: &DatabaseTransaction) -> Condition {
    Condition::all().add(Expr::col(Column::ExpiresAt).lte(clock(db)))
}

/// Turns whose lease is buried, or was and is deleted by now.
fn is_of_the_dead() -> Condition {
    let kept = Query::select().column(Column::Id).from(Entity).and_where(Column::ExpiresAt.ne(BURIED)).take();
    Condition::all().add(turns::Column::Lease.is_not_null()).add(turns::Column::Lease.not_in_subquery(kept))
}

/// Turns of a version without leases, old enough that none can still run.
fn is_forgotten() -> Condition {
    Condition::all().add(turns::Column::Lease.is_null()).add(turns::Column::CreatedAt.lt(now() - LONGEST_TURN))
}

/// The database's clock in milliseconds since 1970. One clock judges all instances.
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
