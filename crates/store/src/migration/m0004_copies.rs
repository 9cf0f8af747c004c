//! Copies that were begun into this database: where each comes from, so that one that broke off can go on.
//!
//! Only adds a table, which the version before doesn't know and doesn't need. Times are milliseconds since 1970 in UTC.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let copies = Table::create()
            .table("copies")
            .col(ColumnDef::new("source_id").uuid().not_null().primary_key())
            .col(ColumnDef::new("is_own").boolean().not_null())
            .col(ColumnDef::new("begun_at").big_integer().not_null())
            .take();
        manager.create_table(copies).await
    }
}
