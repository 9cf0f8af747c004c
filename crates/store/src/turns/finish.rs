//! A turn ends.

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, Set,
    sea_query::{Condition, Expr, OnConflict},
};

use super::{is_running, row::reason_word};
use crate::{
    FencingToken, Store, StoreError,
    entity::{
        feedback,
        turns::{Column, Entity},
        usage,
    },
    text::storable,
    usage as usage_rows,
};
use domain::{
    Feedback,
    conversation::Millis,
    feedback::Source,
    turn::{Outcome, Reason, TurnState},
};

impl Store {
    /// Ends a running turn: answer, state, feedback and usage in one commit.
    ///
    /// `false`, and nothing changed, if the turn isn't this run's any more: it ended already, was restarted, was taken
    /// away because its lease ran out, or was deleted. What the calls cost isn't booked then; [`Store::add_usage`] can.
    ///
    /// # Errors
    /// [`StoreError::NotFinal`] for an outcome whose state is no end; otherwise when the database can't be written.
    pub async fn finish_turn(
        &self,
        fencing_token: FencingToken,
        outcome: &Outcome,
        now: Millis,
    ) -> Result<bool, StoreError> {
        if outcome.state.is_running() {
            return Err(StoreError::NotFinal(outcome.state));
        }
        let Outcome { state, reason, ref answer, ref feedback, ref usage } = *outcome;
        let answer = storable(answer);
        let feedback = feedback.as_ref().map(|feedback| feedback_row(fencing_token, feedback, now)).transpose()?;
        let usage: Vec<_> = usage.iter().map(|usage| usage_rows::row(Some(fencing_token.turn.0), usage, now)).collect();
        self.write(move |db| {
            Box::pin(async move {
                let ended = Entity::update_many()
                    .col_expr(Column::State, Expr::value(state.as_str()))
                    .col_expr(Column::Reason, Expr::value(reason.map(reason_word)))
                    .col_expr(Column::Answer, Expr::value(answer))
                    // Distinguishes two reasons that the version before has one word for, see `to_reason`.
                    .col_expr(Column::StopWanted, Expr::value(reason == Some(Reason::TooLong)))
                    .col_expr(Column::FinishedAt, Expr::value(now))
                    .col_expr(Column::Lease, Expr::value(None::<i64>))
                    .filter(is_held_by(fencing_token))
                    .filter(is_running())
                    .exec(db)
                    .await?;
                if ended.rows_affected == 0 {
                    return Ok(false);
                }
                add_feedback_and_usage(db, feedback, usage).await?;
                Ok(true)
            })
        })
        .await
    }

    /// Ends every running turn as interrupted, whichever instance runs it, and returns how many there were. For a database
    /// that no instance serves.
    pub async fn interrupt_running(&self, now: Millis) -> Result<u64, StoreError> {
        self.write(move |db| Box::pin(interrupt(db, is_running(), now))).await
    }
}

/// Ends the running turns among these as interrupted, and returns how many there were.
pub(crate) async fn interrupt(db: &DatabaseTransaction, which: Condition, now: Millis) -> Result<u64, StoreError> {
    let interrupted = Entity::update_many()
        .col_expr(Column::State, Expr::value(TurnState::Interrupted.as_str()))
        .col_expr(Column::FinishedAt, Expr::value(now))
        .col_expr(Column::Lease, Expr::value(None::<i64>))
        .filter(which)
        .filter(is_running())
        .exec(db)
        .await?;
    Ok(interrupted.rows_affected)
}

fn is_held_by(fencing_token: FencingToken) -> Condition {
    Condition::all()
        .add(Column::Id.eq(fencing_token.turn.0))
        .add(Column::Attempt.eq(i64::from(fencing_token.attempt)))
        .add(Column::Lease.eq(fencing_token.lease.0))
}

fn feedback_row(
    fencing_token: FencingToken,
    notes: &Feedback,
    now: Millis,
) -> Result<feedback::ActiveModel, StoreError> {
    Ok(feedback::ActiveModel {
        turn_id: Set(fencing_token.turn.0),
        attempt: Set(fencing_token.attempt.into()),
        source: Set(match notes.source {
            Source::Model => "model",
            Source::Coach => "coach",
        }
        .to_owned()),
        // JSON spells U+0000 with six harmless characters.
        body: Set(serde_json::to_string(notes).map_err(|error| StoreError::Corrupt(error.into()))?),
        created_at: Set(now),
    })
}

async fn add_feedback_and_usage(
    db: &DatabaseTransaction,
    feedback: Option<feedback::ActiveModel>,
    usage: Vec<usage::ActiveModel>,
) -> Result<(), StoreError> {
    if let Some(feedback) = feedback {
        // Notes of an earlier attempt may stand there.
        let replace = OnConflict::column(feedback::Column::TurnId)
            .update_columns([
                feedback::Column::Attempt,
                feedback::Column::Source,
                feedback::Column::Body,
                feedback::Column::CreatedAt,
            ])
            .to_owned();
        feedback::Entity::insert(feedback).on_conflict(replace).exec_without_returning(db).await?;
    }
    if !usage.is_empty() {
        usage::Entity::insert_many(usage).exec_without_returning(db).await?;
    }
    Ok(())
}
