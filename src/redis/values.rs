//! Values with a lifetime: named fields and a growing text. Each change is published.

use std::{collections::HashMap, time::Duration};

use super::{Redis, Unavailable, key};

/// The fields of a value by name.
pub type Fields = HashMap<String, String>;

/// A change of a value.
#[derive(Debug, Default)]
pub struct Update {
    /// Fields to set; the others stay.
    pub fields: Vec<(String, String)>,
    /// Text to append.
    pub text: String,
    /// Whether this replaces the whole value.
    pub whole: bool,
}

impl Redis {
    /// Applies `update`, sets the lifetime, and publishes `message` to the channel of the same name, atomically. `false` if
    /// there was no value, or Redis had lost it.
    pub async fn set(
        &self,
        name: &str,
        update: &Update,
        message: &str,
        lifetime: Duration,
    ) -> Result<bool, Unavailable> {
        let (fields, text) = (key(name), key(&format!("{name}:text")));
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut pipe = redis::pipe();
        pipe.atomic().exists(&fields);
        if update.whole {
            pipe.del(&fields).ignore().set(&text, &update.text).ignore();
        } else if !update.text.is_empty() {
            pipe.append(&text, &update.text).ignore();
        }
        pipe.hset_multiple(&fields, &update.fields).ignore();
        pipe.pexpire(&fields, millis).ignore().pexpire(&text, millis).ignore();
        pipe.publish(&fields, message).ignore();
        let (existed,): (bool,) = self.run(&pipe).await?;
        Ok(existed)
    }

    /// Renews the lifetime; `false` if Redis had lost the value.
    pub async fn extend_lifetime(&self, name: &str, lifetime: Duration) -> Result<bool, Unavailable> {
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut pipe = redis::pipe();
        pipe.pexpire(key(name), millis).pexpire(key(&format!("{name}:text")), millis).ignore();
        let (existed,): (bool,) = self.run(&pipe).await?;
        Ok(existed)
    }

    /// The fields and the text; no fields if there is no value.
    pub async fn get(&self, name: &str) -> Result<(Fields, String), Unavailable> {
        let mut pipe = redis::pipe();
        pipe.atomic().hgetall(key(name)).get(key(&format!("{name}:text")));
        let (fields, text): (Fields, Option<String>) = self.run(&pipe).await?;
        Ok((fields, text.unwrap_or_default()))
    }
}
