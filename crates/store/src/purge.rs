//! Deletion of rows that no student needs: conversations without a question and learners without a conversation.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::{
    Store, StoreError,
    entity::{conversations, guides, learners, turns},
};
use domain::{Preset, conversation::Millis};

/// Rows that one statement looks at, at most. All other writes wait for it on SQLite.
const PAGE: u64 = 300;

impl Store {
    /// Deletes conversations without a question and learners without a conversation that were last used before
    /// `before`, guides of topics that are no presets, and revoked leases. Returns the number of deleted rows, leases not included.
    ///
    /// Reads the tables in pages by primary key, so that each statement is short however many rows there are.
    ///
    /// # Errors
    /// When the database can't be read or written.
    pub async fn purge_unused(&self, before: Millis) -> Result<u64, StoreError> {
        // Conversations first: they may leave a learner without any.
        let deleted =
            self.purge_guides().await? + self.purge_conversations(before).await? + self.purge_learners(before).await?;
        if deleted > 0 {
            self.request_truncation();
        }
        self.purge_leases().await?;
        Ok(deleted)
    }

    /// Versions before this one stored guides of students' own topics.
    async fn purge_guides(&self) -> Result<u64, StoreError> {
        let presets = Preset::ALL.map(Preset::topic_name);
        let mut deleted = 0;
        loop {
            let topics: Vec<String> = guides::Entity::find()
                .select_only()
                .column(guides::Column::Topic)
                .filter(guides::Column::Topic.is_not_in(presets))
                .limit(PAGE)
                .into_tuple()
                .all(&self.reader)
                .await?;
            if topics.is_empty() {
                return Ok(deleted);
            }
            deleted += self
                .write(move |db| {
                    Box::pin(async move {
                        let own = guides::Entity::delete_many().filter(guides::Column::Topic.is_in(topics));
                        Ok(own.exec(db).await?.rows_affected)
                    })
                })
                .await?;
        }
    }

    async fn purge_conversations(&self, before: Millis) -> Result<u64, StoreError> {
        let (mut after, mut deleted) = (Uuid::nil(), 0);
        loop {
            let rows: Vec<(Uuid, Millis)> = conversations::Entity::find()
                .select_only()
                .columns([conversations::Column::Id, conversations::Column::ActiveAt])
                .filter(conversations::Column::Id.gt(after))
                .order_by_asc(conversations::Column::Id)
                .limit(PAGE)
                .into_tuple()
                .all(&self.reader)
                .await?;
            let Some((last, _)) = rows.last() else { return Ok(deleted) };
            after = *last;
            let old: Vec<Uuid> = rows.into_iter().filter(|(_, at)| *at < before).map(|(id, _)| id).collect();
            // Most have questions; only the others are worth a write.
            let asked: Vec<Uuid> = turns::Entity::find()
                .select_only()
                .column(turns::Column::ConversationId)
                .filter(turns::Column::ConversationId.is_in(old.clone()))
                .filter(turns::Column::Seq.eq(1))
                .into_tuple()
                .all(&self.reader)
                .await?;
            let unused: Vec<Uuid> = old.into_iter().filter(|id| !asked.contains(id)).collect();
            if !unused.is_empty() {
                deleted += self
                    .write(move |db| Box::pin(async move { delete_conversations(db, unused, before).await }))
                    .await?;
            }
        }
    }

    async fn purge_learners(&self, before: Millis) -> Result<u64, StoreError> {
        let (mut after, mut deleted) = (Uuid::nil(), 0);
        loop {
            let rows: Vec<(Uuid, Millis)> = learners::Entity::find()
                .select_only()
                .columns([learners::Column::Id, learners::Column::SeenAt])
                .filter(learners::Column::Id.gt(after))
                .order_by_asc(learners::Column::Id)
                .limit(PAGE)
                .into_tuple()
                .all(&self.reader)
                .await?;
            let Some((last, _)) = rows.last() else { return Ok(deleted) };
            after = *last;
            let old: Vec<Uuid> = rows.into_iter().filter(|(_, at)| *at < before).map(|(id, _)| id).collect();
            let owners: Vec<Uuid> = conversations::Entity::find()
                .select_only()
                .column(conversations::Column::LearnerId)
                .distinct()
                .filter(conversations::Column::LearnerId.is_in(old.clone()))
                .into_tuple()
                .all(&self.reader)
                .await?;
            let unused: Vec<Uuid> = old.into_iter().filter(|id| !owners.contains(id)).collect();
            if !unused.is_empty() {
                deleted +=
                    self.write(move |db| Box::pin(async move { delete_learners(db, unused, before).await })).await?;
            }
        }
    }
}

/// Deletes those of the conversations that still have no question.
///
/// The lock comes first: a question accepted at the same time on PostgreSQL is committed before the second statement
/// looks for it, or waits until its conversation is gone.
async fn delete_conversations(db: &DatabaseTransaction, ids: Vec<Uuid>, before: Millis) -> Result<u64, StoreError> {
    use conversations::{Column, Entity};
    let locked: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(db)
        .await?;
    let its_turns = Query::select()
        .column((turns::Entity, turns::Column::Id))
        .from(turns::Entity)
        .and_where(Expr::col((turns::Entity, turns::Column::ConversationId)).equals((Entity, Column::Id)))
        .take();
    let deleted = Entity::delete_many()
        .filter(Column::Id.is_in(locked))
        .filter(Column::ActiveAt.lt(before))
        .filter(Expr::exists(its_turns).not())
        .exec(db)
        .await?;
    Ok(deleted.rows_affected)
}

/// Deletes those of the learners that still have no conversation. As with conversations, the lock comes first.
async fn delete_learners(db: &DatabaseTransaction, ids: Vec<Uuid>, before: Millis) -> Result<u64, StoreError> {
    use learners::{Column, Entity};
    let locked: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(db)
        .await?;
    let its_conversations = Query::select()
        .column((conversations::Entity, conversations::Column::Id))
        .from(conversations::Entity)
        .and_where(Expr::col((conversations::Entity, conversations::Column::LearnerId)).equals((Entity, Column::Id)))
        .take();
    let deleted = Entity::delete_many()
        .filter(Column::Id.is_in(locked))
        .filter(Column::SeenAt.lt(before))
        .filter(Expr::exists(its_conversations).not())
        .exec(db)
        .await?;
    Ok(deleted.rows_affected)
}
