//! Requests that began a conversation: a repeat finds the conversation that is there.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set};

use super::{
    Store, StoreError,
    entity::{
        conversation_requests::{ActiveModel, Column, Entity},
        conversations, learners,
    },
};
use domain::{Conversation, conversation::Millis};

/// A request that began a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConversationRequest {
    /// Stands for its key.
    pub key_hash: [u8; 32],
    /// What the token of a learner that it made was derived with, beside the key.
    pub salt: [u8; 32],
}

impl Store {
    /// The conversation that a request with this key began since `since`, and the request's salt.
    pub async fn conversation_by_request(
        &self,
        key_hash: &[u8; 32],
        since: Millis,
    ) -> Result<Option<(Conversation, [u8; 32])>, StoreError> {
        let found = Entity::find_by_id(key_hash.to_vec())
            .filter(Column::CreatedAt.gte(since))
            .find_also_related(conversations::Entity)
            .one(&self.reader)
            .await?;
        let Some((request, Some(conversation))) = found else { return Ok(None) };
        let salt = request.salt.try_into().map_err(|_| StoreError::unreadable("conversation_requests.salt"))?;
        Ok(Some((conversation.try_into()?, salt)))
    }

    /// Adds a conversation, its learner if `token_hash` says that they are new, and the request that began it, all or
    /// nothing. Requests from before `since` are deleted.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if another request with this key began a conversation since then.
    pub async fn begin_conversation(
        &self,
        conversation: &Conversation,
        token_hash: Option<&[u8; 32]>,
        request: Option<ConversationRequest>,
        since: Millis,
    ) -> Result<(), StoreError> {
        let now = conversation.created_at;
        let learner = token_hash.map(|token_hash| learners::ActiveModel {
            id: Set(conversation.learner.0),
            token_hash: Set(token_hash.to_vec()),
            created_at: Set(now),
            seen_at: Set(now),
        });
        let request = request.map(|ConversationRequest { key_hash, salt }| ActiveModel {
            key_hash: Set(key_hash.to_vec()),
            salt: Set(salt.to_vec()),
            conversation_id: Set(conversation.id.0),
            created_at: Set(now),
        });
        let conversation = super::conversations::new_row(conversation);
        self.write(move |db| {
            Box::pin(async move {
                if let Some(learner) = learner {
                    learners::Entity::insert(learner).exec_without_returning(db).await?;
                }
                conversations::Entity::insert(conversation).exec_without_returning(db).await?;
                if let Some(request) = request {
                    Entity::delete_many().filter(Column::CreatedAt.lt(since)).exec(db).await?;
                    Entity::insert(request).exec_without_returning(db).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Deletes the requests from before `before` with their salts. Returns the number of deleted rows.
    ///
    /// [`Self::begin_conversation`] does so as well, but after the last lesson none begins for a long time.
    pub async fn purge_conversation_requests(&self, before: Millis) -> Result<u64, StoreError> {
        let is_old = Column::CreatedAt.lt(before);
        // Most of the time there is none, and a write waits for the disk.
        if Entity::find().filter(is_old.clone()).one(&self.reader).await?.is_none() {
            return Ok(0);
        }
        let deleted = self
            .write(move |db| {
                Box::pin(async move { Ok(Entity::delete_many().filter(is_old).exec(db).await?.rows_affected) })
            })
            .await?;
        self.request_truncation();
        Ok(deleted)
    }
}
