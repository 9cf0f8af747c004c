//! Which database a copy comes from, so that a copy that broke off is known when it goes on.
//!
//! By then the source may have deleted learners that were copied already. Without the note they would look like
//! learners of other data.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, Set, sea_query::OnConflict};
use uuid::Uuid;

use super::{CopyError, rows::in_unserved};
use crate::now;
use crate::{
    Store, StoreError,
    entity::copies::{ActiveModel, Column, Entity},
};
use domain::conversation::Millis;

/// When the latest copy from this source into this target was begun; `None` if none was.
pub(super) async fn begun_at(source: &Store, target: &Store) -> Result<Option<Millis>, StoreError> {
    let Some(source_id) = own_id(source).await? else { return Ok(None) };
    let copies = Entity::find_by_id(source_id).filter(Column::IsOwn.eq(false));
    Ok(copies.one(&target.reader).await?.map(|copy| copy.begun_at))
}

/// Notes in both databases that a copy begins now.
pub(super) async fn record_copy(source: &Store, target: &Store) -> Result<(), CopyError> {
    let source_id = match own_id(source).await? {
        Some(id) => id,
        None => {
            let id = Uuid::new_v4();
            source.write(move |db| Box::pin(put(db, id, true))).await?;
            id
        }
    };
    in_unserved(target, move |db| Box::pin(put(db, source_id, false))).await
}

async fn own_id(store: &Store) -> Result<Option<Uuid>, StoreError> {
    Ok(Entity::find().filter(Column::IsOwn.eq(true)).one(&store.reader).await?.map(|copy| copy.source_id))
}

async fn put(db: &sea_orm::DatabaseTransaction, source_id: Uuid, is_own: bool) -> Result<(), StoreError> {
    let row = ActiveModel { source_id: Set(source_id), is_own: Set(is_own), begun_at: Set(now()) };
    let replace = OnConflict::column(Column::SourceId).update_column(Column::BegunAt).to_owned();
    Entity::insert(row).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}
