//! Running turns are leased: the table of leases, and who holds a turn.
//!
//! Only adds, so that a program of the version before goes on working beside this one. What it writes has no lease and
//! no cancel request, which is what the columns hold by themselves.

use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub(super) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.create_table(leases()).await?;
        // SQLite adds one column a statement.
        for column in [
            ColumnDef::new("lease").big_integer().take(),
            ColumnDef::new("stop_wanted").boolean().not_null().default(false).take(),
        ] {
            manager.alter_table(Table::alter().table("turns").add_column(column).take()).await?;
        }
        manager.create_index(lease_index()).await
    }
}

/// The key is the fencing number. Both engines count it up for ever and give none out twice, also when rows go.
fn leases() -> TableCreateStatement {
    Table::create()
        .table("leases")
        .col(ColumnDef::new("id").big_integer().not_null().auto_increment().primary_key())
        .col(ColumnDef::new("holder").text().not_null())
        .col(ColumnDef::new("alone").boolean().not_null())
        .col(ColumnDef::new("taken_at").big_integer().not_null())
        .col(ColumnDef::new("expires_at").big_integer().not_null())
        .take()
}

/// Few turns run at a time; those that ended have no lease and are not in it.
fn lease_index() -> IndexCreateStatement {
    Index::create().name("turns_held").table("turns").col("lease").and_where(Expr::col("lease").is_not_null()).take()
}
