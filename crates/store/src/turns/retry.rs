//! Another try for a turn that didn't end well.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, QuerySelect,
    sea_query::{Expr, ExprTrait, Query},
};

use super::{accept::set_active, row, running_in, with_feedback};
use crate::{
    Lease, Store, StoreError,
    entity::{
        conversations, feedback,
        turns::{Column, Entity},
    },
};
use domain::{
    ConversationId, LearnerId, TurnId,
    conversation::Millis,
    feedback::Source,
    turn::{Turn, TurnState},
};

/// The answer to a retry request.
#[derive(Debug, Clone, PartialEq)]
pub enum Retry {
    /// The turn runs again, one attempt further.
    Started(Turn),
    /// The turn is running already.
    Running(Turn),
    /// The turn ended in a state that allows no other try.
    NotRetriable(TurnState),
    /// This turn of the conversation is running.
    Busy(TurnId),
    /// The learner has no such turn.
    NoTurn,
}

impl Store {
    /// Starts a failed, cancelled or interrupted turn once more, without its old answer. Notes that a
    /// model wrote stay, since the message is the same; the coach's, which stood in for them, go. Of calls that come at
    /// once, one starts it. The conversation counts as active now.
    ///
    /// Durable when it answers; like [`Store::accept_turn`], to be called from a task that is not dropped.
    pub async fn retry_turn(
        &self,
        learner: LearnerId,
        id: TurnId,
        lease: Lease,
        now: Millis,
    ) -> Result<Retry, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let Some(conversation) = lock_around(db, learner, id).await? else {
                    return Ok(Retry::NoTurn);
                };
                // Read only now: while this call waited for the lock, another may have started it.
                let Some(found) = with_feedback(Entity::find_by_id(id.0)).one(db).await? else {
                    return Ok(Retry::NoTurn);
                };
                let mut turn = row::to_turn(found)?;
                if turn.state.is_running() {
                    return Ok(Retry::Running(turn));
                }
                if !turn.state.can_retry() {
                    return Ok(Retry::NotRetriable(turn.state));
                }
                if let Some(running) = running_in(db, conversation).await? {
                    return Ok(Retry::Busy(running));
                }
                turn.state = TurnState::Answering;
                turn.attempt += 1;
                turn.reason = None;
                turn.answer = String::new();
                turn.feedback = turn.feedback.filter(|notes| notes.source == Source::Model);
                restart(db, &turn, lease).await?;
                set_active(db, conversation, now).await?;
                Ok(Retry::Started(turn))
            })
        })
        .await
    }
}

/// Holds the turn's conversation until the transaction ends and names it; `None` if it isn't this learner's.
async fn lock_around(
    db: &DatabaseTransaction,
    learner: LearnerId,
    turn: TurnId,
) -> Result<Option<ConversationId>, StoreError> {
    let its_conversation =
        Query::select().column(Column::ConversationId).from(Entity).and_where(Expr::col(Column::Id).eq(turn.0)).take();
    let found = conversations::Entity::find()
        .filter(conversations::Column::Id.in_subquery(its_conversation))
        .filter(conversations::Column::LearnerId.eq(learner.0))
        .lock_exclusive()
        .one(db)
        .await?;
    Ok(found.map(|conversation| ConversationId(conversation.id)))
}

async fn restart(db: &DatabaseTransaction, turn: &Turn, lease: Lease) -> Result<(), StoreError> {
    Entity::update_many()
        .col_expr(Column::State, Expr::value(turn.state.as_str()))
        .col_expr(Column::Attempt, Expr::value(i64::from(turn.attempt)))
        .col_expr(Column::Reason, Expr::value(None::<String>))
        .col_expr(Column::Answer, Expr::value(""))
        .col_expr(Column::FinishedAt, Expr::value(None::<Millis>))
        .col_expr(Column::Lease, Expr::value(lease.0))
        .col_expr(Column::StopWanted, Expr::value(false))
        .filter(Column::Id.eq(turn.id.0))
        .exec(db)
        .await?;
    if turn.feedback.is_none() {
        feedback::Entity::delete_by_id(turn.id.0).exec(db).await?;
    }
    Ok(())
}
