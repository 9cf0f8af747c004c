//! Deletion of rows that no student needs: conversations without a question and learners without a conversation; and of
//! conversations that are kept no longer.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};
use uuid::Uuid;

use super::{
    Store, StoreError,
    entity::{conversations, guides, learners, turns},
};
use domain::{Preset, conversation::Millis};

/// Most rows that one statement examines. On SQLite all other writes wait for it.
const PAGE: u64 = 300;

/// Conversations that one transaction deletes with all of their turns.
const BATCH: usize = 20;

/// What [`Store::purge_inactive`] deleted and left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InactivePurge {
    /// Deleted conversations.
    pub conversations: u64,
    /// Turns that were deleted with them.
    pub turns: u64,
    /// When the conversation that is left and was used the longest ago was last used.
    pub oldest: Option<Millis>,
}

impl Store {
    /// Deletes conversations that were last used before `before`, with everything in them. What was spent on them stays in
    /// the books, without saying for which turn.
    ///
    /// Reads the table in pages by primary key and deletes in small transactions, so that each statement is short however
    /// many rows there are.
    pub async fn purge_inactive(&self, before: Millis) -> Result<InactivePurge, StoreError> {
        use conversations::{Column, Entity};
        let (mut after, mut purged) = (Uuid::nil(), InactivePurge::default());
        loop {
            let rows: Vec<(Uuid, Millis)> = Entity::find()
                .select_only()
                .columns([Column::Id, Column::ActiveAt])
                .filter(Column::Id.gt(after))
                .order_by_asc(Column::Id)
                .limit(PAGE)
                .into_tuple()
                .all(&self.reader)
                .await?;
            let Some((last, _)) = rows.last() else { break };
            after = *last;
            let (old, new): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, at)| *at < before);
            purged.oldest = purged.oldest.into_iter().chain(new.into_iter().map(|(_, at)| at)).min();
            for batch in old.chunks(BATCH) {
                let ids: Vec<Uuid> = batch.iter().map(|(id, _)| *id).collect();
                let (conversations, turns) = self.write(move |db| Box::pin(delete_inactive(db, ids, before))).await?;
                purged.conversations += conversations;
                purged.turns += turns;
            }
        }
        if purged.conversations > 0 {
            self.request_truncation();
        }
        Ok(purged)
    }

    /// Deletes conversations without a question and learners without a conversation that were last used before
    /// `before`, guides of topics that are no presets, and revoked leases. Returns the number of deleted rows, leases
    /// not included.
    ///
    /// Reads the tables in pages by primary key, so that each statement is short however many rows there are.
    pub async fn purge_unused(&self, before: Millis) -> Result<u64, StoreError> {
        // Conversations first: they may leave a learner without any.
        let deleted = self.purge_guides().await?
            + self.purge(CONVERSATIONS, before).await?
            + self.purge(LEARNERS, before).await?;
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

    async fn purge<E: EntityTrait, U: EntityTrait>(&self, kind: Kind<E, U>, before: Millis) -> Result<u64, StoreError> {
        let (mut after, mut deleted) = (Uuid::nil(), 0);
        loop {
            let rows: Vec<(Uuid, Millis)> = E::find()
                .select_only()
                .columns([kind.id, kind.used_at])
                .filter(kind.id.gt(after))
                .order_by_asc(kind.id)
                .limit(PAGE)
                .into_tuple()
                .all(&self.reader)
                .await?;
            let Some((last, _)) = rows.last() else { return Ok(deleted) };
            after = *last;
            let old: Vec<Uuid> = rows.into_iter().filter(|(_, at)| *at < before).map(|(id, _)| id).collect();
            // Most are in use; only the others are worth a write.
            let used: Vec<Uuid> = U::find()
                .select_only()
                .column(kind.user)
                .distinct()
                .filter(kind.user.is_in(old.clone()))
                .into_tuple()
                .all(&self.reader)
                .await?;
            let unused: Vec<Uuid> = old.into_iter().filter(|id| !used.contains(id)).collect();
            if !unused.is_empty() {
                deleted += self.write(move |db| Box::pin(delete_unused(db, kind, unused, before))).await?;
            }
        }
    }
}

/// Rows of `E` that are deleted when they were last used long ago and no row of `U` points to them.
#[derive(Clone, Copy)]
struct Kind<E: EntityTrait, U: EntityTrait> {
    id: E::Column,
    used_at: E::Column,
    /// The column that points to the row.
    user: U::Column,
}

/// Conversations without a question.
const CONVERSATIONS: Kind<conversations::Entity, turns::Entity> = Kind {
    id: conversations::Column::Id,
    used_at: conversations::Column::ActiveAt,
    user: turns::Column::ConversationId,
};

/// Learners without a conversation.
const LEARNERS: Kind<learners::Entity, conversations::Entity> =
    Kind { id: learners::Column::Id, used_at: learners::Column::SeenAt, user: conversations::Column::LearnerId };

/// Deletes those of the rows that are still unused.
///
/// The lock comes first: a question accepted at the same time on PostgreSQL is committed before the second statement
/// looks for it, or waits until its conversation is gone.
async fn delete_unused<E: EntityTrait, U: EntityTrait>(
    db: &DatabaseTransaction,
    kind: Kind<E, U>,
    ids: Vec<Uuid>,
    before: Millis,
) -> Result<u64, StoreError> {
    let locked: Vec<Uuid> = E::find()
        .select_only()
        .column(kind.id)
        .filter(kind.id.is_in(ids))
        .order_by_asc(kind.id)
        .lock_exclusive()
        .into_tuple()
        .all(db)
        .await?;
    let users = Query::select()
        .column((U::default(), kind.user))
        .from(U::default())
        .and_where(Expr::col((U::default(), kind.user)).equals((E::default(), kind.id)))
        .take();
    let deleted = E::delete_many()
        .filter(kind.id.is_in(locked))
        .filter(kind.used_at.lt(before))
        .filter(Expr::exists(users).not())
        .exec(db)
        .await?;
    Ok(deleted.rows_affected)
}

/// Deletes those of the conversations that are still inactive. Returns how many, and how many turns they had.
///
/// The lock comes first, as in [`delete_unused`].
async fn delete_inactive(db: &DatabaseTransaction, ids: Vec<Uuid>, before: Millis) -> Result<(u64, u64), StoreError> {
    use conversations::{Column, Entity};
    let locked: Vec<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids))
        .filter(Column::ActiveAt.lt(before))
        .order_by_asc(Column::Id)
        .lock_exclusive()
        .into_tuple()
        .all(db)
        .await?;
    let turns = turns::Entity::find().filter(turns::Column::ConversationId.is_in(locked.clone())).count(db).await?;
    let deleted = Entity::delete_many().filter(Column::Id.is_in(locked)).exec(db).await?;
    Ok((deleted.rows_affected, turns))
}
