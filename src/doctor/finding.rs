//! A finding of the doctor and its texts.

use rust_i18n::t;
use serde::Serialize;

use domain::Locale;

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The settings.
    Settings,
    /// Where conversations are kept.
    Database,
    /// Room on the disk.
    Disk,
    /// Room in memory.
    Memory,
    /// This machine's clock.
    Clock,
    /// What instances share.
    Redis,
    /// The model server.
    Model,
    /// The backups.
    Backup,
    /// The program that serves on this machine.
    Server,
    /// The way from the outside to it.
    Public,
}

impl Subject {
    fn key(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Database => "database",
            Self::Disk => "disk",
            Self::Memory => "memory",
            Self::Clock => "clock",
            Self::Redis => "redis",
            Self::Model => "model",
            Self::Backup => "backup",
            Self::Server => "server",
            Self::Public => "public",
        }
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Worth knowing; nothing to fix.
    Note,
    /// It works, and will hurt some day.
    Warning,
    /// It doesn't work.
    Failed,
}

/// What a check found. Its words are in `locales/`, under its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was checked.
    pub subject: Subject,
    /// How bad it is.
    pub state: State,
    /// Names it, in the guide for operators too: `database-unreachable`.
    pub code: &'static str,
    /// What stands in its words.
    pub values: Vec<(&'static str, String)>,
}

impl Finding {
    /// A finding whose words need no values.
    #[must_use]
    pub fn new(subject: Subject, state: State, code: &'static str) -> Self {
        Self { subject, state, code, values: Vec::new() }
    }

    /// With a value for its words.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// What was checked, in a word.
    #[must_use]
    pub fn subject_text(&self, locale: Locale) -> String {
        t!(format!("doctor.subject.{}", self.subject.key()), locale = locale.tag()).into_owned()
    }

    /// What was found, in a sentence.
    #[must_use]
    pub fn message(&self, locale: Locale) -> String {
        self.text("said", locale)
    }

    /// What to do about it; empty where there is nothing to do.
    #[must_use]
    pub fn fix(&self, locale: Locale) -> String {
        if self.state <= State::Note { String::new() } else { self.text("mend", locale) }
    }

    fn text(&self, part: &str, locale: Locale) -> String {
        let text = t!(format!("doctor.{}.{part}", self.code), locale = locale.tag());
        let (names, values): (Vec<_>, Vec<_>) = self.values.iter().cloned().unzip();
        rust_i18n::replace_patterns(&text, &names, &values)
    }
}
