//! A learner's conversations.

use sea_orm::{
    ColumnTrait, EntityTrait, ExprTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Select, Set,
    sea_query::{Expr, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    Cursor, Store, StoreError,
    entity::{
        conversations::{ActiveModel, Column, Entity, Model},
        turns,
    },
};
use domain::{
    Conversation, ConversationId, LearnerId, Topic,
    conversation::{ConversationSummary, Millis},
};

impl Store {
    /// Adds a conversation, which counts as active from its beginning.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if its id is taken, [`StoreError::Refused`] if there is no such learner.
    pub async fn add_conversation(&self, conversation: &Conversation) -> Result<(), StoreError> {
        let row = new_row(conversation);
        self.write(move |db| {
            Box::pin(async move {
                Entity::insert(row).exec_without_returning(db).await?;
                Ok(())
            })
        })
        .await
    }

    /// At most `limit` of the learner's conversations, the latest active first, from behind `before` on.
    ///
    /// The next page starts at `Cursor::from(last)`.
    pub async fn conversations(
        &self,
        learner: LearnerId,
        before: Option<Cursor>,
        limit: u64,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        self.list(Entity::find(), learner, before, limit).await
    }

    /// As [`Store::conversations`], without those in which nothing was asked yet.
    pub async fn asked_conversations(
        &self,
        learner: LearnerId,
        before: Option<Cursor>,
        limit: u64,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        let first = its_turns().column((turns::Entity, turns::Column::Id)).take();
        self.list(Entity::find().filter(Expr::exists(first)), learner, before, limit).await
    }

    async fn list(
        &self,
        among: Select<Entity>,
        learner: LearnerId,
        before: Option<Cursor>,
        limit: u64,
    ) -> Result<Vec<ConversationSummary>, StoreError> {
        let mut query = among
            .expr_as(count_of_turns(), "turns")
            .expr_as(first_message(), "first_message")
            .filter(Column::LearnerId.eq(learner.0))
            .order_by_desc(Column::ActiveAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        if let Some(Cursor { active_at, id }) = before {
            query = query
                .filter(Column::ActiveAt.lt(active_at).or(Column::ActiveAt.eq(active_at).and(Column::Id.lt(id.0))));
        }
        query.into_model::<Row>().all(&self.reader).await?.into_iter().map(Row::into_summary).collect()
    }

    /// The conversation, if it is this learner's.
    pub async fn conversation(
        &self,
        learner: LearnerId,
        id: ConversationId,
    ) -> Result<Option<Conversation>, StoreError> {
        Entity::find_by_id(id.0)
            .filter(Column::LearnerId.eq(learner.0))
            .one(&self.reader)
            .await?
            .map(Conversation::try_from)
            .transpose()
    }

    /// Deletes the conversation with its turns and their feedback; `false` if it isn't this learner's. What was spent
    /// on it stays in the books, without saying for which turn.
    pub async fn delete_conversation(&self, learner: LearnerId, id: ConversationId) -> Result<bool, StoreError> {
        let is_deleted = self
            .write(move |db| {
                Box::pin(async move {
                    let deleted = Entity::delete_by_id(id.0).filter(Column::LearnerId.eq(learner.0)).exec(db).await?;
                    Ok(deleted.rows_affected > 0)
                })
            })
            .await?;
        if is_deleted {
            self.request_truncation();
        }
        Ok(is_deleted)
    }
}

/// The row of a conversation that begins.
pub(super) fn new_row(conversation: &Conversation) -> ActiveModel {
    ActiveModel {
        id: Set(conversation.id.0),
        learner_id: Set(conversation.learner.0),
        topic: Set(conversation.topic.as_str().to_owned()),
        created_at: Set(conversation.created_at),
        active_at: Set(conversation.created_at),
    }
}

/// The turns of the enclosing query's conversation.
fn its_turns() -> SelectStatement {
    Query::select()
        .from(turns::Entity)
        .and_where(Expr::col((turns::Entity, turns::Column::ConversationId)).equals((Entity, Column::Id)))
        .take()
}

fn count_of_turns() -> Expr {
    its_turns().expr(Expr::col((turns::Entity, turns::Column::Id)).count()).take().into()
}

/// The places of turns rise from 1 without holes.
fn first_message() -> Expr {
    its_turns()
        .column((turns::Entity, turns::Column::Message))
        .and_where(Expr::col((turns::Entity, turns::Column::Seq)).eq(1))
        .take()
        .into()
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    learner_id: Uuid,
    topic: String,
    created_at: Millis,
    active_at: Millis,
    turns: i64,
    first_message: Option<String>,
}

impl Row {
    fn into_summary(self) -> Result<ConversationSummary, StoreError> {
        let Self { id, learner_id, topic, created_at, active_at, turns, first_message } = self;
        Ok(ConversationSummary {
            conversation: Model { id, learner_id, topic, created_at, active_at }.try_into()?,
            turns: turns.try_into().map_err(|_| StoreError::unreadable("the count of turns"))?,
            first_message,
            active_at,
        })
    }
}

impl TryFrom<Model> for Conversation {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: ConversationId(row.id),
            learner: LearnerId(row.learner_id),
            topic: Topic::parse(&row.topic).map_err(|error| StoreError::Corrupt(error.into()))?,
            created_at: row.created_at,
        })
    }
}
