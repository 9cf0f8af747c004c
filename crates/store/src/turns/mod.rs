//! Turns: their life, one file a step, and how they are read.

mod accept;
pub(super) mod finish;
mod retry;
mod row;
mod running_turns;

use std::ops::Range;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, SelectTwoModel, Selector,
    sea_query::{Condition, IntoCondition},
};

use uuid::Uuid;

pub use accept::Acceptance;
pub use retry::Retry;
use row::FeedbackRow;
pub use running_turns::{RunningTurn, TurnStatus};

use super::{
    Store, StoreError,
    entity::{
        conversations, feedback,
        turns::{Column, Entity, Model},
    },
};
use domain::{
    ConversationId, LearnerId, TurnId,
    turn::{Turn, TurnState},
};

impl Store {
    /// The turn with its feedback, if it is this learner's.
    pub async fn turn(&self, learner: LearnerId, id: TurnId) -> Result<Option<Turn>, StoreError> {
        with_feedback(of(learner).filter(Column::Id.eq(id.0))).one(&self.reader).await?.map(row::to_turn).transpose()
    }

    /// The turn of the conversation that was accepted under this idempotency key, if it is this learner's.
    pub async fn turn_by_key(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        key: &str,
    ) -> Result<Option<Turn>, StoreError> {
        let turn = of(learner).filter(Column::ConversationId.eq(conversation.0)).filter(Column::IdempotencyKey.eq(key));
        with_feedback(turn).one(&self.reader).await?.map(row::to_turn).transpose()
    }

    /// The conversation's turns with their feedback, in order; none if it isn't this learner's.
    pub async fn turns(&self, learner: LearnerId, conversation: ConversationId) -> Result<Vec<Turn>, StoreError> {
        with_feedback(of(learner).filter(Column::ConversationId.eq(conversation.0)).order_by_asc(Column::Seq))
            .all(&self.reader)
            .await?
            .into_iter()
            .map(row::to_turn)
            .collect()
    }

    /// A page of the conversation's turns with their feedback, in order: the newest `limit` of those before place
    /// `before`, or of all; none if it isn't this learner's.
    pub async fn turns_page(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        before: Option<u32>,
        limit: u64,
    ) -> Result<Vec<Turn>, StoreError> {
        let mut page = of(learner).filter(Column::ConversationId.eq(conversation.0));
        if let Some(before) = before {
            page = page.filter(Column::Seq.lt(i64::from(before)));
        }
        let rows = with_feedback(page.order_by_desc(Column::Seq).limit(limit)).all(&self.reader).await?;
        rows.into_iter().rev().map(row::to_turn).collect()
    }

    /// What a model is told of the conversation: question and answer of each turn in these places that has an answer or
    /// the beginning of one, in order. For the program itself, which knows whose conversation it works on.
    pub async fn exchanges(
        &self,
        conversation: ConversationId,
        places: Range<u32>,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let exchanges = Entity::find()
            .select_only()
            .columns([Column::Message, Column::Answer])
            .filter(Column::ConversationId.eq(conversation.0))
            .filter(Column::Seq.gte(i64::from(places.start)))
            .filter(Column::Seq.lt(i64::from(places.end)))
            // Leaves out running turns too: an answer is written when its turn ends.
            .filter(Column::Answer.ne(""))
            .order_by_asc(Column::Seq)
            .into_tuple()
            .all(&self.reader)
            .await?;
        Ok(exchanges)
    }
}

/// The turns of a learner.
fn of(learner: LearnerId) -> Select<Entity> {
    Entity::find().inner_join(conversations::Entity).filter(conversations::Column::LearnerId.eq(learner.0))
}

fn with_feedback(turns: Select<Entity>) -> Selector<SelectTwoModel<Model, FeedbackRow>> {
    turns.find_also_related(feedback::Entity).into_model()
}

/// Whether a turn is running, as SQL. Equivalent to [`TurnState::is_running`].
pub(super) fn is_running() -> Condition {
    Column::State
        .is_in(TurnState::ALL.into_iter().filter(|state| state.is_running()).map(TurnState::as_str))
        .into_condition()
}

/// The conversation's running turn, if there is one.
async fn running_in(db: &impl ConnectionTrait, conversation: ConversationId) -> Result<Option<TurnId>, StoreError> {
    let running: Option<Uuid> = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::ConversationId.eq(conversation.0))
        .filter(is_running())
        .into_tuple()
        .one(db)
        .await?;
    Ok(running.map(TurnId))
}
