//! Guides that a model wrote, stored for the next student on the topic.

use sea_orm::{EntityTrait, QuerySelect, Set, sea_query::OnConflict};

use super::{
    Store, StoreError,
    entity::guides::{ActiveModel, Column, Entity},
    text::storable,
};
use domain::conversation::Millis;

impl Store {
    /// The guide's JSON. `version` stands for all that shaped it beside the topic, such as prompt and model.
    pub async fn guide(&self, topic: &str, locale: &str, version: &str) -> Result<Option<String>, StoreError> {
        let key = (topic.to_owned(), locale.to_owned(), version.to_owned());
        Ok(Entity::find_by_id(key).select_only().column(Column::Body).into_tuple().one(&self.reader).await?)
    }

    /// Stores a guide and replaces the previous one.
    pub async fn put_guide(
        &self,
        topic: &str,
        locale: &str,
        version: &str,
        model: &str,
        json: &str,
        now: Millis,
    ) -> Result<(), StoreError> {
        let row = ActiveModel {
            topic: Set(topic.to_owned()),
            locale: Set(locale.to_owned()),
            version: Set(version.to_owned()),
            body: Set(storable(json)),
            model: Set(storable(model)),
            created_at: Set(now),
        };
        self.write(move |db| {
            Box::pin(async move {
                Entity::insert(row)
                    .on_conflict(
                        OnConflict::columns([Column::Topic, Column::Locale, Column::Version])
                            .update_columns([Column::Body, Column::Model, Column::CreatedAt])
                            .to_owned(),
                    )
                    .exec_without_returning(db)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}
