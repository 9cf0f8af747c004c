//! Learners, their conversations and turns, the tutor's feedback, the guides, and what the models cost.
//!
//! Names are written out and not taken from the entities: this step has to make the same tables when those have
//! changed. Times are milliseconds since 1970 in UTC.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [learners(), conversations(), turns(), feedback(), guides(), usage()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn learners() -> TableCreateStatement {
    Table::create()
        .table("learners")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("token_hash").blob().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("seen_at").big_integer().not_null())
        .take()
}

fn conversations() -> TableCreateStatement {
    Table::create()
        .table("conversations")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("learner_id").uuid().not_null())
        .col(ColumnDef::new("topic").text().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("active_at").big_integer().not_null())
        .foreign_key(&mut cascading_key("conversations", "learner_id", "learners"))
        .take()
}

fn turns() -> TableCreateStatement {
    Table::create()
        .table("turns")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("conversation_id").uuid().not_null())
        .col(ColumnDef::new("seq").big_integer().not_null())
        .col(ColumnDef::new("message").text().not_null())
        .col(ColumnDef::new("idempotency_key").text())
        .col(ColumnDef::new("state").text().not_null())
        .col(ColumnDef::new("reason").text())
        .col(ColumnDef::new("attempt").big_integer().not_null())
        .col(ColumnDef::new("answer").text().not_null().default(""))
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .col(ColumnDef::new("finished_at").big_integer())
        .foreign_key(&mut cascading_key("turns", "conversation_id", "conversations"))
        .take()
}

fn feedback() -> TableCreateStatement {
    Table::create()
        .table("feedback")
        .col(ColumnDef::new("turn_id").uuid().not_null().primary_key())
        .col(ColumnDef::new("attempt").big_integer().not_null())
        .col(ColumnDef::new("source").text().not_null())
        .col(ColumnDef::new("body").text().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .foreign_key(&mut cascading_key("feedback", "turn_id", "turns"))
        .take()
}

fn guides() -> TableCreateStatement {
    Table::create()
        .table("guides")
        .col(ColumnDef::new("topic").text().not_null())
        .col(ColumnDef::new("locale").text().not_null())
        .col(ColumnDef::new("version").text().not_null())
        .col(ColumnDef::new("body").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .primary_key(Index::create().col("topic").col("locale").col("version"))
        .take()
}

/// Rows outlive their turn: what was spent stays spent when a student deletes a conversation.
fn usage() -> TableCreateStatement {
    Table::create()
        .table("usage")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("turn_id").uuid())
        .col(ColumnDef::new("purpose").text().not_null())
        .col(ColumnDef::new("model").text().not_null())
        .col(ColumnDef::new("prompt_tokens").big_integer().not_null())
        .col(ColumnDef::new("completion_tokens").big_integer().not_null())
        .col(ColumnDef::new("estimated").boolean().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .foreign_key(cascading_key("usage", "turn_id", "turns").on_delete(ForeignKeyAction::SetNull))
        .take()
}

fn indexes() -> [IndexCreateStatement; 7] {
    let on = |name: &str, table: &'static str| Index::create().name(name).table(table).take();
    [
        on("learners_token", "learners").col("token_hash").unique().take(),
        // Newest activity first; the id parts conversations of one millisecond.
        on("conversations_recent", "conversations")
            .col("learner_id")
            .col(("active_at", IndexOrder::Desc))
            .col(("id", IndexOrder::Desc))
            .take(),
        on("turns_place", "turns").col("conversation_id").col("seq").unique().take(),
        on("turns_key", "turns").col("conversation_id").col("idempotency_key").unique().take(),
        // A conversation has one running turn at most.
        on("turns_running", "turns")
            .col("conversation_id")
            .unique()
            .and_where(Expr::col("state").is_in(["accepted", "answering"]))
            .take(),
        on("usage_recent", "usage").col("created_at").take(),
        // Without it, deleting a turn would read all of `usage`.
        on("usage_turn", "usage").col("turn_id").take(),
    ]
}

/// A foreign key to `to.id` whose rows go when the row above them goes.
fn cascading_key(from: &'static str, column: &'static str, to: &'static str) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(from, column).to(to, "id").on_delete(ForeignKeyAction::Cascade).take()
}
