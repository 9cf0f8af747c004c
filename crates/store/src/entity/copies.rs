use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "copies")]
pub struct Model {
    /// A database that was copied from.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_id: Uuid,
    /// Whether that is this database; otherwise it was copied into this one.
    pub is_own: bool,
    /// When the latest copy was begun.
    pub begun_at: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
