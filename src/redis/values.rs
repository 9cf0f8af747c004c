//! A value in named parts with a growing text, kept for a while, and a message to all who watch it.

use std::{collections::HashMap, time::Duration};

use super::{Away, Shared, key};

/// Parts of a value by name.
pub type Fields = HashMap<String, String>;

/// What is to be kept.
#[derive(Debug, Default)]
pub struct Kept {
    /// Parts to set; the others stay.
    pub fields: Vec<(String, String)>,
    /// Text to add to the growing one.
    pub text: String,
    /// Whether this is all of it, in place of what was kept before.
    pub whole: bool,
}

impl Shared {
    /// Keeps these parts for `lifetime`, and tells `message` to the channel of the same name, in one step. `false` if
    /// nothing had been kept under the name, or it was lost.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn keep(&self, name: &str, kept: &Kept, message: &str, lifetime: Duration) -> Result<bool, Away> {
        let (fields, text) = (key(name), key(&format!("{name}:text")));
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut pipe = redis::pipe();
        pipe.atomic().exists(&fields);
        if kept.whole {
            pipe.del(&fields).ignore().set(&text, &kept.text).ignore();
        } else if !kept.text.is_empty() {
            pipe.append(&text, &kept.text).ignore();
        }
        pipe.hset_multiple(&fields, &kept.fields).ignore();
        pipe.pexpire(&fields, millis).ignore().pexpire(&text, millis).ignore();
        pipe.publish(&fields, message).ignore();
        let (existed,): (bool,) = self.run(&pipe).await?;
        Ok(existed)
    }

    /// Keeps it for `lifetime` from now on; `false` if it was lost.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn keep_on(&self, name: &str, lifetime: Duration) -> Result<bool, Away> {
        let millis = i64::try_from(lifetime.as_millis()).unwrap_or(i64::MAX);
        let mut pipe = redis::pipe();
        pipe.pexpire(key(name), millis).pexpire(key(&format!("{name}:text")), millis).ignore();
        let (existed,): (bool,) = self.run(&pipe).await?;
        Ok(existed)
    }

    /// Parts and text as they are kept now; no parts if there are none.
    ///
    /// # Errors
    /// [`Away`].
    pub async fn kept(&self, name: &str) -> Result<(Fields, String), Away> {
        let mut pipe = redis::pipe();
        pipe.atomic().hgetall(key(name)).get(key(&format!("{name}:text")));
        let (fields, text): (Fields, Option<String>) = self.run(&pipe).await?;
        Ok((fields, text.unwrap_or_default()))
    }
}
