//! What the model calls cost.

use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, Func},
};
use uuid::Uuid;

use super::{
    Store, StoreError,
    entity::{
        turns,
        usage::{ActiveModel, Column, Entity},
    },
    text::storable,
};
use domain::{TurnId, conversation::Millis, turn::Usage};

/// How long after its time a row may still be committed, by an instance whose clock is behind or whose database was slow.
const SETTLING: Millis = 10 * 60 * 1000;

/// The tokens of a day, read again and again: rows older than some minutes are summed once.
#[derive(Debug, Default)]
pub struct DayTokens {
    day_start: Millis,
    /// Up to when rows are summed already.
    settled_until: Millis,
    /// The tokens of these rows.
    settled: u64,
}

impl DayTokens {
    /// The tokens read and written since `day_start`, by all instances together, as [`Store::tokens_since`] counts them.
    ///
    /// # Errors
    /// When the database can't be read. The next call goes on where the last one stood.
    pub async fn read(&mut self, store: &Store, day_start: Millis, now: Millis) -> Result<u64, StoreError> {
        if self.day_start != day_start {
            *self = Self { day_start, settled_until: day_start, settled: 0 };
        }
        let settle_until = now - SETTLING;
        if settle_until > self.settled_until {
            self.settled += store.tokens_between(self.settled_until, settle_until).await?;
            self.settled_until = settle_until;
        }
        Ok(self.settled + store.tokens_since(self.settled_until).await?)
    }
}

impl Store {
    /// Books a call that no outcome books: a guide, a stateless answer, or a turn that was deleted meanwhile (which is
    /// then left out of the row).
    pub async fn add_usage(&self, turn: Option<TurnId>, usage: &Usage, now: Millis) -> Result<(), StoreError> {
        let usage = usage.clone();
        self.write(move |db| {
            Box::pin(async move {
                let mut turn_id: Option<Uuid> = None;
                if let Some(turn) = turn {
                    // The lock prevents the turn's deletion until the row that refers to it is inserted.
                    turn_id = turns::Entity::find_by_id(turn.0)
                        .select_only()
                        .column(turns::Column::Id)
                        .lock_shared()
                        .into_tuple()
                        .one(db)
                        .await?;
                }
                Entity::insert(row(turn_id, &usage, now)).exec_without_returning(db).await?;
                Ok(())
            })
        })
        .await
    }

    /// The tokens read and written since that time, estimates included.
    pub async fn tokens_since(&self, since: Millis) -> Result<u64, StoreError> {
        self.tokens_between(since, Millis::MAX).await
    }

    async fn tokens_between(&self, since: Millis, until: Millis) -> Result<u64, StoreError> {
        let tokens = Expr::col(Column::PromptTokens).add(Expr::col(Column::CompletionTokens)).sum();
        // PostgreSQL sums up to NUMERIC, and none sums up nothing.
        let tokens = Expr::expr(Func::coalesce([tokens, Expr::value(0)])).cast_as("BIGINT");
        let sum: Option<i64> = Entity::find()
            .select_only()
            .expr_as(tokens, "tokens")
            .filter(Column::CreatedAt.gte(since))
            .filter(Column::CreatedAt.lt(until))
            .into_tuple()
            .one(&self.reader)
            .await?;
        sum.unwrap_or_default().try_into().map_err(|_| StoreError::unreadable("the sum of tokens"))
    }
}

pub(super) fn row(turn: Option<Uuid>, usage: &Usage, now: Millis) -> ActiveModel {
    ActiveModel {
        id: Set(Uuid::now_v7()),
        turn_id: Set(turn),
        purpose: Set(usage.purpose.as_str().to_owned()),
        model: Set(storable(&usage.model)),
        prompt_tokens: Set(usage.prompt_tokens.into()),
        completion_tokens: Set(usage.completion_tokens.into()),
        estimated: Set(usage.estimated),
        created_at: Set(now),
    }
}
