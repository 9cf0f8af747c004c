//! Requests that began a conversation, for as long as they may be repeated.
//!
//! Only adds a table, which the version before doesn't know and doesn't need. Times are milliseconds since 1970 in UTC.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(requests()).await?;
        for (name, column) in
            [("conversation_requests_age", "created_at"), ("conversation_requests_conversation", "conversation_id")]
        {
            let index = Index::create().name(name).table("conversation_requests").col(column).take();
            manager.create_index(index).await?;
        }
        Ok(())
    }
}

fn requests() -> TableCreateStatement {
    let mut conversation = ForeignKey::create();
    conversation
        .from("conversation_requests", "conversation_id")
        .to("conversations", "id")
        .on_delete(ForeignKeyAction::Cascade);
    Table::create()
        .table("conversation_requests")
        .col(ColumnDef::new("key_hash").blob().not_null().primary_key())
        .col(ColumnDef::new("salt").blob().not_null())
        .col(ColumnDef::new("conversation_id").uuid().not_null())
        .col(ColumnDef::new("created_at").big_integer().not_null())
        .foreign_key(&mut conversation)
        .take()
}
