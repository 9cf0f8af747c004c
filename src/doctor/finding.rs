//! A finding of the doctor and its texts.

use rust_i18n::t;
use serde::Serialize;

use domain::Locale;

/// The part that a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The settings.
    Settings,
    /// The database.
    Database,
    /// Free disk space.
    Disk,
    /// Free memory.
    Memory,
    /// This machine's clock.
    Clock,
    /// Redis, which instances share.
    Redis,
    /// The model server.
    Model,
    /// The backups.
    Backup,
    /// The server on this machine.
    Server,
    /// The public address.
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

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works.
    Ok,
    /// Information; nothing to fix.
    Note,
    /// It works, and may cause a problem later.
    Warning,
    /// It doesn't work.
    Failed,
}

/// The result of a check. Its texts are in `locales/`, under its code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The part that was checked.
    pub subject: Subject,
    /// Its severity.
    pub state: State,
    /// Its name, also in the operators' guide: `database-unreachable`.
    pub code: &'static str,
    /// Values for the placeholders of its texts.
    pub values: Vec<(&'static str, String)>,
}

impl Finding {
    /// Creates a finding without values.
    #[must_use]
    pub fn new(subject: Subject, state: State, code: &'static str) -> Self {
        Self { subject, state, code, values: Vec::new() }
    }

    /// Adds a value for a placeholder of its texts.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    /// Name of the part that was checked.
    #[must_use]
    pub fn subject_text(&self, locale: Locale) -> String {
        t!(format!("doctor.subject.{}", self.subject.key()), locale = locale.tag()).into_owned()
    }

    /// What was found, as a sentence.
    #[must_use]
    pub fn message(&self, locale: Locale) -> String {
        self.text("message", locale)
    }

    /// How to fix it; empty if there is nothing to fix.
    #[must_use]
    pub fn fix(&self, locale: Locale) -> String {
        if self.state <= State::Note { String::new() } else { self.text("fix", locale) }
    }

    fn text(&self, part: &str, locale: Locale) -> String {
        let text = t!(format!("doctor.{}.{part}", self.code), locale = locale.tag());
        let (names, values): (Vec<_>, Vec<_>) = self.values.iter().cloned().unzip();
        rust_i18n::replace_patterns(&text, &names, &values)
    }
}
