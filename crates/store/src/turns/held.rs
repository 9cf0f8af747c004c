//! Running turns across instances: what a lease holds, how turns stand elsewhere, and the wish to stop one.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::{is_running, row, running_in, with_feedback};
use crate::{
    Hold, Lease, Store, StoreError,
    entity::turns::{Column, Entity},
};
use domain::{
    ConversationId, TurnId,
    turn::{Turn, TurnState},
};

/// A running turn that a lease holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldTurn {
    /// Turn, attempt and lease.
    pub hold: Hold,
    /// Whether the student wants it stopped.
    pub stop_wanted: bool,
}

/// How a turn stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The turn.
    pub turn: TurnId,
    /// Which try of it.
    pub attempt: u32,
    /// Where it stands.
    pub state: TurnState,
}

impl Store {
    /// The running turns that this lease holds.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn held_turns(&self, lease: Lease) -> Result<Vec<HeldTurn>, StoreError> {
        let rows: Vec<(Uuid, i64, bool)> = Entity::find()
            .select_only()
            .columns([Column::Id, Column::Attempt, Column::StopWanted])
            .filter(Column::Lease.eq(lease.0))
            .into_tuple()
            .all(&self.reader)
            .await?;
        rows.into_iter()
            .map(|(id, attempt, stop_wanted)| {
                Ok(HeldTurn { hold: Hold { turn: TurnId(id), attempt: to_attempt(attempt)?, lease }, stop_wanted })
            })
            .collect()
    }

    /// How these turns stand; those that were deleted are left out. For the program itself, which tells nobody more
    /// than that.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn standings(&self, turns: &[TurnId]) -> Result<Vec<Standing>, StoreError> {
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
                Ok(Standing { turn: TurnId(id), attempt: to_attempt(attempt)?, state })
            })
            .collect()
    }

    /// The turn with its feedback, whosever it is. For the program itself.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn turn_of_anyone(&self, id: TurnId) -> Result<Option<Turn>, StoreError> {
        with_feedback(Entity::find_by_id(id.0)).one(&self.reader).await?.map(row::to_turn).transpose()
    }

    /// Notes that the student wants this turn stopped, for the instance that runs it; `false` if it doesn't run.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn want_stop(&self, turn: TurnId) -> Result<bool, StoreError> {
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
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn running_turn(&self, conversation: ConversationId) -> Result<Option<TurnId>, StoreError> {
        running_in(&self.reader, conversation).await
    }
}

fn to_attempt(number: i64) -> Result<u32, StoreError> {
    number.try_into().map_err(|_| StoreError::unreadable("turns.attempt"))
}
