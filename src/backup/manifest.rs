//! The manifest of a backup: its sizes and checksums. It is written last, and a backup without a manifest doesn't count.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::FormatItem, macros::format_description};

const BEFORE: &str = "llm-classroom-";
const MOMENT: &[FormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:3]Z");

/// The name of a backup, which contains the time: `llm-classroom-20261123T101500.123Z`. Names sort by age.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name(String);

/// Sizes, checksums and origin of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The program's version that made it.
    pub version: String,
    /// The kind of the backed-up database: `SQLite` or `PostgreSQL`.
    pub engine: String,
    /// Bytes of the stored object.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Bytes of the database in it.
    pub database_bytes: u64,
    /// SHA-256 of the database in it.
    pub database_sha256: String,
    /// The public key it's encrypted to.
    pub encrypted_to: Option<String>,
    /// Each table with its rows.
    pub tables: BTreeMap<String, Rows>,
}

/// Row count and checksum of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// How many rows.
    pub rows: u64,
    /// Their checksum, independent of their order.
    pub checksum: String,
}

impl Name {
    /// The name of a backup made now.
    ///
    /// # Errors
    /// When the clock is beyond the year 9999.
    pub fn now() -> Result<Self, time::error::Format> {
        Ok(Self(format!("{BEFORE}{}", OffsetDateTime::now_utc().format(MOMENT)?)))
    }

    /// Reads a name as [`Self::now`] writes it; nothing else is a name, so none leads out of its folder.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let moment = text.strip_prefix(BEFORE)?;
        time::PrimitiveDateTime::parse(moment, MOMENT).ok()?;
        Some(Self(text.to_owned()))
    }

    /// The backup whose manifest has this file name.
    #[must_use]
    pub fn of_manifest(file: &str) -> Option<Self> {
        Self::parse(file.strip_suffix(".json")?)
    }

    /// The backup whose database has this file name.
    #[must_use]
    pub fn of_object(file: &str) -> Option<Self> {
        Self::parse(file.strip_suffix(".age").unwrap_or(file).strip_suffix(".db.zst")?)
    }

    /// When it was made, in seconds since 1970.
    #[must_use]
    pub fn moment(&self) -> i64 {
        let moment = self.0.strip_prefix(BEFORE).and_then(|text| time::PrimitiveDateTime::parse(text, MOMENT).ok());
        moment.map_or(0, |moment| moment.assume_utc().unix_timestamp())
    }

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file name of its manifest.
    #[must_use]
    pub fn manifest(&self) -> String {
        format!("{}.json", self.0)
    }

    /// The file name of its database.
    #[must_use]
    pub fn object(&self, is_encrypted: bool) -> String {
        format!("{}.db.zst{}", self.0, if is_encrypted { ".age" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_this_program_writes_are_parsed() {
        let name = Name::now().unwrap();
        assert_eq!(Name::of_manifest(&name.manifest()), Some(name.clone()));
        assert_eq!(Name::of_object(&name.object(true)), Some(name.clone()));
        assert_eq!(Name::of_object(&name.object(false)), Some(name));
        assert_eq!(Name::parse("llm-classroom-20261123T101500.123Z").unwrap().moment(), 1_795_428_900);
        for other in
            ["", "../llm-classroom-20261123T101500.123Z", "llm-classroom-", "llm-classroom-20261323T101500.123Z", "x"]
        {
            assert_eq!(Name::parse(other), None, "{other}");
        }
    }
}
