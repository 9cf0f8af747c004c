//! Running turns across instances: the turns of a lease, the state of other turns, and cancel requests.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::{is_running, row, running_in, with_feedback};
use crate::{
    FencingToken, Lease, Store, StoreError,
    entity::turns::{Column, Entity},
};
use domain::{
    ConversationId, TurnId,
    turn::{Turn, TurnState},
};

/// A running turn of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunningTurn {
    /// Turn, attempt and lease.
    pub fencing_token: FencingToken,
    /// Whether the student asked to cancel it.
    pub is_cancel_requested: bool,
}

/// The state of one attempt at a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnStatus {
    /// The turn.
    pub turn: TurnId,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The state of that attempt.
    pub state: TurnState,
}

impl Store {
    /// The running turns of this lease.
    pub async fn running_turns(&self, lease: Lease) -> Result<Vec<RunningTurn>, StoreError> {
        let rows: Vec<(Uuid, i64, bool)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Attempt, Column::StopWanted])
            .filter(Column::Lease.eq(lease.0))
            .into_tuple()
            .all(&self.reader)
            .await?;
        rows.into_iter()
            .map(|(id, attempt, is_cancel_requested)| {
                Ok(RunningTurn {
                    fencing_token: FencingToken { turn: TurnId(id), attempt: to_attempt(attempt)?, lease },
                    is_cancel_requested,
                })
            })
            .collect()
    }

    /// The states of these turns without deleted ones. Not restricted to a learner: for the program itself.
    pub async fn turn_statuses(&self, turns: &[TurnId]) -> Result<Vec<TurnStatus>, StoreError> {
        let rows: Vec<(Uuid, i64, String)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Attempt, Column::State])
            .filter(Column::Id.is_in(turns.iter().map(|turn| turn.0)))
            .into_tuple()
            .all(&self.reader)
            .await?;
        rows.into_iter()
            .map(|(id, attempt, state)| {
                let state = TurnState::from_word(&state).ok_or_else(|| StoreError::unreadable("turns.state"))?;
                Ok(TurnStatus { turn: TurnId(id), attempt: to_attempt(attempt)?, state })
            })
            .collect()
    }

    /// The turn of any learner with its feedback. For the program itself.
    pub async fn turn_of_anyone(&self, id: TurnId) -> Result<Option<Turn>, StoreError> {
        with_feedback(Entity::find_by_id(id.0)).one(&self.reader).await?.map(row::to_turn).transpose()
    }

    /// Records a cancel request for the instance that runs the turn; `false` if it doesn't run.
    pub async fn request_cancel(&self, turn: TurnId) -> Result<bool, StoreError> {
        self.write(move |db| {
            Box::pin(async move {
                let noted = Entity::update_many()
                    .col_expr(Column::StopWanted, Expr::value(true))
                    .filter(Column::Id.eq(turn.0))
                    .filter(is_running())
                    .exec(db)
                    .await?;
                Ok(noted.rows_affected > 0)
            })
        })
        .await
    }

    /// The conversation's running turn, if there is one. For the program itself.
    pub async fn running_turn(&self, conversation: ConversationId) -> Result<Option<TurnId>, StoreError> {
        running_in(&self.reader, conversation).await
    }
}

fn to_attempt(number: i64) -> Result<u32, StoreError> {
    number.try_into().map_err(|_| StoreError::unreadable("turns.attempt"))
}
