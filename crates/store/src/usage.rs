//! What the model calls cost.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set,
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

/// Which budget pays for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum UsageAccount {
    /// The students': their questions, and the guides of pages.
    #[default]
    Students,
    /// That of the stateless API.
    Stateless,
}

/// What the purpose of a row begins with if the stateless API pays for it. Versions before this one sum all rows.
const STATELESS: &str = "stateless-";

/// The tokens of a day, read again and again: rows older than some minutes are summed once.
#[derive(Debug, Default)]
pub struct DayTokens {
    account: UsageAccount,
    day_start: Millis,
    /// Up to when rows are summed already.
    settled_until: Millis,
    /// The tokens of these rows.
    settled: u64,
}

impl DayTokens {
    /// The tokens that this account pays for.
    #[must_use]
    pub fn of(account: UsageAccount) -> Self {
        Self { account, ..Self::default() }
    }

    /// The tokens read and written since `day_start`, by all instances together, as [`Store::account_tokens_since`] counts
    /// them.
    ///
    /// # Errors
    /// When the database can't be read. The next call goes on where the last one stood.
    pub async fn read(&mut self, store: &Store, day_start: Millis, now: Millis) -> Result<u64, StoreError> {
        if self.day_start != day_start {
            *self = Self { account: self.account, day_start, settled_until: day_start, settled: 0 };
        }
        let settle_until = now - SETTLING;
        if settle_until > self.settled_until {
            self.settled += store.tokens_between(Some(self.account), self.settled_until, settle_until).await?;
            self.settled_until = settle_until;
        }
        Ok(self.settled + store.account_tokens_since(self.account, self.settled_until).await?)
    }
}

impl Store {
    /// Books a call of the students' account that no outcome books: a guide, or a turn that was deleted meanwhile (which
    /// is then left out of the row).
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

    /// Books a call that the budget of the stateless API pays for.
    pub async fn add_stateless_usage(&self, usage: &Usage, now: Millis) -> Result<(), StoreError> {
        let purpose = format!("{STATELESS}{}", usage.purpose.as_str());
        let row = ActiveModel { purpose: Set(purpose), ..row(None, usage, now) };
        self.write(move |db| {
            Box::pin(async move {
                Entity::insert(row).exec_without_returning(db).await?;
                Ok(())
            })
        })
        .await
    }

    /// The tokens read and written since that time, estimates included, whoever pays for them.
    pub async fn tokens_since(&self, since: Millis) -> Result<u64, StoreError> {
        self.tokens_between(None, since, Millis::MAX).await
    }

    /// The tokens of [`Self::tokens_since`] that this account pays for.
    pub async fn account_tokens_since(&self, account: UsageAccount, since: Millis) -> Result<u64, StoreError> {
        self.tokens_between(Some(account), since, Millis::MAX).await
    }

    async fn tokens_between(
        &self,
        account: Option<UsageAccount>,
        since: Millis,
        until: Millis,
    ) -> Result<u64, StoreError> {
        let is_stateless = Column::Purpose.starts_with(STATELESS);
        let condition = match account {
            None => Condition::all(),
            Some(UsageAccount::Stateless) => Condition::all().add(is_stateless),
            Some(UsageAccount::Students) => Condition::all().add(is_stateless.not()),
        };
        let tokens = Expr::col(Column::PromptTokens).add(Expr::col(Column::CompletionTokens)).sum();
        // PostgreSQL sums up to NUMERIC, and none sums up nothing.
        let tokens = Expr::expr(Func::coalesce([tokens, Expr::value(0)])).cast_as("BIGINT");
        let sum: Option<i64> = Entity::find()
            .select_only()
            .expr_as(tokens, "tokens")
            .filter(Column::CreatedAt.gte(since))
            .filter(Column::CreatedAt.lt(until))
            .filter(condition)
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
