//! A student's message becomes a turn.

use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, Query, SelectStatement},
};

use super::{is_running, row, with_feedback};
use crate::{
    Lease, Store, StoreError,
    entity::{
        conversations,
        turns::{ActiveModel, Column, Entity},
    },
};
use domain::{
    Conversation, ConversationId, LearnerId, StudentMessage, TurnId,
    conversation::Millis,
    turn::{Turn, TurnState},
};

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Acceptance {
    /// It is a new turn of this conversation, stored for good, whose run is to be started.
    New(Turn, Conversation),
    /// It was accepted before, under the same key.
    Same(Turn),
    /// The key belongs to another message of this conversation.
    KeyReused,
    /// This turn of the conversation is still running.
    Busy(TurnId),
    /// The learner has no such conversation.
    NoConversation,
}

impl Store {
    /// Takes a message into a conversation. What is answered with [`Acceptance::New`] survives a crash and a power
    /// cut, so it may be promised to the student.
    ///
    /// The same `key` gives the same turn, however many calls come at once. Call it from a task that is
    /// not dropped: a turn stored by a call that doesn't return stays accepted until the holder of `lease` finds it.
    ///
    /// # Errors
    /// When the database can't be written; nothing is stored then, unless the connection broke during the commit
    /// itself. Calling again with the same key settles that.
    pub async fn accept_turn(
        &self,
        learner: LearnerId,
        conversation: ConversationId,
        message: &StudentMessage,
        key: Option<&str>,
        lease: Lease,
        now: Millis,
    ) -> Result<Acceptance, StoreError> {
        let message = message.as_str().to_owned();
        let key = key.map(ToOwned::to_owned);
        self.write(move |db| {
            Box::pin(async move {
                let Some(conversation) = lock(db, learner, conversation).await? else {
                    return Ok(Acceptance::NoConversation);
                };
                let rows = deciding_rows(db, conversation.id, key.as_deref()).await?;
                if let Some(key) = &key
                    && let Some(same) = rows.iter().find(|(turn, _)| turn.idempotency_key.as_ref() == Some(key))
                {
                    let turn = row::to_turn(same.clone())?;
                    return Ok(if turn.message == message { Acceptance::Same(turn) } else { Acceptance::KeyReused });
                }
                let mut seq = 1;
                for row in rows {
                    let turn = row::to_turn(row)?;
                    if turn.state.is_running() {
                        return Ok(Acceptance::Busy(turn.id));
                    }
                    seq = Ord::max(seq, turn.seq + 1);
                }
                let turn = Turn {
                    id: TurnId::new(),
                    conversation: conversation.id,
                    seq,
                    message,
                    // Its run begins at once, so it needs no commit of its own.
                    state: TurnState::Answering,
                    reason: None,
                    attempt: 1,
                    answer: String::new(),
                    feedback: None,
                    created_at: now,
                };
                insert(db, &turn, key, lease).await?;
                set_active(db, conversation.id, now).await?;
                Ok(Acceptance::New(turn, conversation))
            })
        })
        .await
    }
}

/// Holds the conversation until the transaction ends, so that its turns are added and restarted one at a time;
/// `None` if it isn't this learner's. (SQLite knows no such lock and needs none: it has one writer.)
async fn lock(
    db: &DatabaseTransaction,
    learner: LearnerId,
    conversation: ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    let found = conversations::Entity::find_by_id(conversation.0)
        .filter(conversations::Column::LearnerId.eq(learner.0))
        .lock_exclusive()
        .one(db)
        .await?;
    found.map(Conversation::try_from).transpose()
}

/// The turns that decide about a new one, in one query: that with its key, the running one, and the last.
async fn deciding_rows(
    db: &DatabaseTransaction,
    conversation: ConversationId,
    key: Option<&str>,
) -> Result<Vec<row::Row>, StoreError> {
    let mut decides = Condition::any().add(is_running()).add(Column::Seq.in_subquery(last_seq(conversation)));
    if let Some(key) = key {
        decides = decides.add(Column::IdempotencyKey.eq(key));
    }
    let turns = Entity::find().filter(Column::ConversationId.eq(conversation.0)).filter(decides);
    Ok(with_feedback(turns).all(db).await?)
}

fn last_seq(conversation: ConversationId) -> SelectStatement {
    Query::select()
        .expr(Expr::col(Column::Seq).max())
        .from(Entity)
        .and_where(Expr::col(Column::ConversationId).eq(conversation.0))
        .take()
}

async fn insert(db: &DatabaseTransaction, turn: &Turn, key: Option<String>, lease: Lease) -> Result<(), StoreError> {
    let row = ActiveModel {
        id: Set(turn.id.0),
        conversation_id: Set(turn.conversation.0),
        seq: Set(turn.seq.into()),
        message: Set(turn.message.clone()),
        idempotency_key: Set(key),
        state: Set(turn.state.as_str().to_owned()),
        reason: Set(None),
        attempt: Set(turn.attempt.into()),
        answer: Set(String::new()),
        created_at: Set(turn.created_at),
        finished_at: Set(None),
        lease: Set(Some(lease.0)),
        stop_wanted: Set(false),
    };
    Entity::insert(row).exec_without_returning(db).await?;
    Ok(())
}

pub(super) async fn set_active(
    db: &DatabaseTransaction,
    conversation: ConversationId,
    now: Millis,
) -> Result<(), StoreError> {
    conversations::Entity::update_many()
        .col_expr(conversations::Column::ActiveAt, Expr::value(now))
        .filter(conversations::Column::Id.eq(conversation.0))
        .exec(db)
        .await?;
    Ok(())
}
