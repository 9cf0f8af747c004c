//! Tokens of programs that call the stateless API. Only their hashes are stored. They belong to a database like its leases:
//! neither a backup nor a move to another database copies them.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use uuid::Uuid;

use super::{
    Store, StoreError,
    entity::api_tokens::{ActiveModel, Column, Entity},
    text::storable,
};
use domain::conversation::Millis;

/// A stored token, without the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Identifies it in commands.
    pub id: Uuid,
    /// What its creator called it.
    pub name: String,
    /// When it was created.
    pub created_at: Millis,
}

impl Store {
    /// Adds a token with the SHA-256 of its text. Returns its id.
    pub async fn add_api_token(&self, name: &str, token_hash: &[u8; 32], now: Millis) -> Result<Uuid, StoreError> {
        let id = Uuid::now_v7();
        let row = ActiveModel {
            id: Set(id),
            name: Set(storable(name)),
            token_hash: Set(token_hash.to_vec()),
            created_at: Set(now),
        };
        self.write(move |db| {
            Box::pin(async move {
                Entity::insert(row).exec_without_returning(db).await?;
                Ok(id)
            })
        })
        .await
    }

    /// All tokens, the oldest first.
    pub async fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        let rows = Entity::find().order_by_asc(Column::Id).all(&self.reader).await?;
        Ok(rows.into_iter().map(|row| ApiToken { id: row.id, name: row.name, created_at: row.created_at }).collect())
    }

    /// Whether there is a token with this SHA-256.
    pub async fn has_api_token(&self, token_hash: &[u8; 32]) -> Result<bool, StoreError> {
        let found: Option<Uuid> = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::TokenHash.eq(token_hash.to_vec()))
            .into_tuple()
            .one(&self.reader)
            .await?;
        Ok(found.is_some())
    }

    /// Deletes a token. Returns whether there was one.
    pub async fn revoke_api_token(&self, id: Uuid) -> Result<bool, StoreError> {
        self.write(move |db| Box::pin(async move { Ok(Entity::delete_by_id(id).exec(db).await?.rows_affected > 0) }))
            .await
    }
}
