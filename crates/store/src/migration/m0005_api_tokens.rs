//! Tokens of programs that call the stateless API.
//!
//! Only adds a table, which the version before doesn't know and doesn't need. Times are milliseconds since 1970 in UTC.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tokens = Table::create()
            .table("api_tokens")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("name").text().not_null())
            .col(ColumnDef::new("token_hash").blob().not_null())
            .col(ColumnDef::new("created_at").big_integer().not_null())
            .take();
        manager.create_table(tokens).await?;
        let hash = Index::create().name("api_tokens_hash").table("api_tokens").col("token_hash").unique().take();
        manager.create_index(hash).await
    }
}
