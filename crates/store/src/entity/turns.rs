use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, DeriveEntityModel)]
#[sea_orm(table_name = "turns")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub conversation_id: Uuid,
    pub seq: i64,
    pub message: String,
    pub idempotency_key: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub attempt: i64,
    pub answer: String,
    pub created_at: i64,
    pub finished_at: Option<i64>,
    pub lease: Option<i64>,
    pub stop_wanted: bool,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(
        belongs_to = "super::conversations::Entity",
        from = "Column::ConversationId",
        to = "super::conversations::Column::Id"
    )]
    Conversation,
    // Declared from this side for the LEFT JOIN alone: the foreign key is that of the feedback.
    #[sea_orm(belongs_to = "super::feedback::Entity", from = "Column::Id", to = "super::feedback::Column::TurnId")]
    Feedback,
}

impl Related<super::conversations::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Conversation.def()
    }
}

impl Related<super::feedback::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Feedback.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}
