//! Anonymous students, known by the hash of their cookie's token.

use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QuerySelect, Set, sea_query::Expr};
use uuid::Uuid;

use super::{
    Store, StoreError,
    entity::learners::{ActiveModel, Column, Entity},
};
use domain::{LearnerId, conversation::Millis};

/// How long after a visit was recorded the next one is recorded. `seen_at` finds learners that never came back, so a day
/// is exact enough.
pub const VISIT_INTERVAL: Millis = 24 * 60 * 60 * 1000;

impl Store {
    /// Adds a learner with the SHA-256 of their token.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another learner has that token.
    pub async fn add_learner(&self, token_hash: &[u8; 32], now: Millis) -> Result<LearnerId, StoreError> {
        let id = LearnerId::new();
        let row = ActiveModel {
            id: Set(id.0),
            token_hash: Set(token_hash.to_vec()),
            created_at: Set(now),
            seen_at: Set(now),
        };
        self.write(move |db| {
            Box::pin(async move {
                Entity::insert(row).exec_without_returning(db).await?;
                Ok(id)
            })
        })
        .await
    }

    /// The learner whose token has this SHA-256.
    pub async fn learner_by_token(&self, token_hash: &[u8; 32]) -> Result<Option<LearnerId>, StoreError> {
        Ok(self.find_learner(token_hash).await?.map(|(learner, _)| learner))
    }

    /// The learner whose token has this SHA-256, and when they were last seen: see [`Self::touch_learner`].
    pub async fn find_learner(&self, token_hash: &[u8; 32]) -> Result<Option<(LearnerId, Millis)>, StoreError> {
        let found: Option<(Uuid, Millis)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::SeenAt])
            .filter(Column::TokenHash.eq(token_hash.to_vec()))
            .into_tuple()
            .one(&self.reader)
            .await?;
        Ok(found.map(|(id, seen_at)| (LearnerId(id), seen_at)))
    }

    /// Revokes a learner's token, so that it identifies no learner. Returns whether there was one.
    pub async fn revoke_token(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        let token_hash = token_hash.to_vec();
        // Every learner has a hash of their own. This one is of nothing: two random UUIDs, which no token gives.
        let none = [*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat();
        self.write(move |db| {
            Box::pin(async move {
                let revoked = Entity::update_many()
                    .col_expr(Column::TokenHash, Expr::value(none))
                    .filter(Column::TokenHash.eq(token_hash))
                    .exec(db)
                    .await?;
                Ok(revoked.rows_affected > 0)
            })
        })
        .await
    }

    /// Records that the learner was here, unless a visit of the last [`VISIT_INTERVAL`] is recorded. Returns whether it
    /// is recorded now.
    ///
    /// Each call waits for a commit: compare [`Self::find_learner`]'s time with [`VISIT_INTERVAL`] first.
    pub async fn touch_learner(&self, learner: LearnerId, now: Millis) -> Result<bool, StoreError> {
        let is_stale = Column::Id.eq(learner.0).and(Column::SeenAt.lte(now.saturating_sub(VISIT_INTERVAL)));
        self.write(move |db| {
            Box::pin(async move {
                let touched =
                    Entity::update_many().col_expr(Column::SeenAt, Expr::value(now)).filter(is_stale).exec(db).await?;
                Ok(touched.rows_affected > 0)
            })
        })
        .await
    }
}
