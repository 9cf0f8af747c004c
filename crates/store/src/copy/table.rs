//! What is common to all tables that are copied: reading them page by page, and finding rows by their keys.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Condition, IntoValueTuple, OnConflict, ValueTuple},
};
use serde::Serialize;

use crate::{
    StoreError,
    entity::{conversations, feedback, guides, learners, turns, usage},
};

/// Rows read or written at a time. Times the columns of the widest table it stays below the values that SQLite
/// (32,766) and PostgreSQL (65,535) take in one statement.
pub(super) const PAGE: usize = 500;

/// A table that is copied.
pub(super) trait Table:
    EntityTrait<
        Model: ModelTrait<Entity = Self> + IntoActiveModel<Self::ActiveModel> + Serialize + Sync,
        ActiveModel: ActiveModelTrait<Entity = Self> + Send,
    >
{
    /// Clears what means something in its own database only.
    fn clear_local_columns(_row: &mut Self::Model) {}
}

impl Table for learners::Entity {}
impl Table for conversations::Entity {}
impl Table for turns::Entity {
    fn clear_local_columns(row: &mut turns::Model) {
        row.lease = None;
    }
}
impl Table for feedback::Entity {}
impl Table for guides::Entity {}
impl Table for usage::Entity {}

/// The name of the table.
pub(super) fn name<T: Table>() -> &'static str {
    T::default().table_name()
}

/// The page of rows behind this key, in the order of the keys; empty at the end.
pub(super) async fn rows_after<T: Table>(
    db: &impl ConnectionTrait,
    key: Option<ValueTuple>,
) -> Result<Vec<T::Model>, StoreError> {
    Ok(cleared::<T>(page::<T>(key).all(db).await?))
}

/// The keys alone of the page behind this one.
pub(super) async fn keys_after<T: Table>(
    db: &impl ConnectionTrait,
    key: Option<ValueTuple>,
) -> Result<Vec<ValueTuple>, StoreError> {
    keys_of::<T>(db, page::<T>(key)).await
}

/// The rows with these keys, as many as there are.
pub(super) async fn rows_with<T: Table>(
    db: &impl ConnectionTrait,
    keys: &[ValueTuple],
) -> Result<Vec<T::Model>, StoreError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    Ok(cleared::<T>(T::find().filter(is_among::<T>(keys)).all(db).await?))
}

/// Those of these keys that exist.
pub(super) async fn keys_with<T: Table>(
    db: &impl ConnectionTrait,
    keys: &[ValueTuple],
) -> Result<Vec<ValueTuple>, StoreError> {
    keys_of::<T>(db, T::find().filter(is_among::<T>(keys))).await
}

/// Deletes the rows with these keys.
pub(super) async fn delete<T: Table>(db: &impl ConnectionTrait, keys: &[ValueTuple]) -> Result<(), StoreError> {
    if !keys.is_empty() {
        T::delete_many().filter(is_among::<T>(keys)).exec(db).await?;
    }
    Ok(())
}

/// Writes the rows, in place of those with the same keys.
pub(super) async fn upsert<T: Table>(db: &impl ConnectionTrait, rows: Vec<T::Model>) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let others = T::Column::iter().filter(|column| T::PrimaryKey::from_column(*column).is_none());
    let replace = OnConflict::columns(key_columns::<T>()).update_columns(others).to_owned();
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    T::insert_many(rows).on_conflict(replace).exec_without_returning(db).await?;
    Ok(())
}

async fn keys_of<T: Table>(db: &impl ConnectionTrait, rows: sea_orm::Select<T>) -> Result<Vec<ValueTuple>, StoreError> {
    let keys = rows.select_only().columns(key_columns::<T>()).into_tuple::<Key<T>>().all(db).await?;
    Ok(keys.into_iter().map(IntoValueTuple::into_value_tuple).collect())
}

type Key<T> = <<T as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

fn key_columns<T: Table>() -> impl Iterator<Item = T::Column> {
    T::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column)
}

fn page<T: Table>(after: Option<ValueTuple>) -> sea_orm::Select<T> {
    let mut rows = T::find().limit(PAGE as u64);
    for column in key_columns::<T>() {
        rows = rows.order_by_asc(column);
    }
    match after {
        Some(key) => rows.filter(is_behind::<T>(key)),
        None => rows,
    }
}

/// `a > x OR (a = x AND b > y) OR …`, which is equivalent to `(a, b) > (x, y)`.
fn is_behind<T: Table>(key: ValueTuple) -> Condition {
    let mut behind = Condition::any();
    let mut equal = Condition::all();
    for (column, value) in key_columns::<T>().zip(key) {
        behind = behind.add(equal.clone().add(column.gt(value.clone())));
        equal = equal.add(column.eq(value));
    }
    behind
}

fn is_among<T: Table>(keys: &[ValueTuple]) -> Condition {
    let columns: Vec<_> = key_columns::<T>().collect();
    if let [column] = columns[..] {
        let values = keys.iter().cloned().flat_map(IntoIterator::into_iter);
        return Condition::all().add(column.is_in(values));
    }
    // SQLite doesn't take a list of tuples after IN.
    let mut among = Condition::any();
    for key in keys {
        let pairs = columns.iter().zip(key.clone());
        among = among.add(pairs.fold(Condition::all(), |all, (column, value)| all.add(column.eq(value))));
    }
    among
}

fn cleared<T: Table>(mut rows: Vec<T::Model>) -> Vec<T::Model> {
    rows.iter_mut().for_each(T::clear_local_columns);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_the_widest_table_fits_into_one_statement() {
        let widest = turns::Column::iter().count();
        assert!(PAGE * widest <= 32_766, "{widest} columns");
    }
}
