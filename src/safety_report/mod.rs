//! The document in which a school's committee reads how this installation treats the data of students, as Markdown.
//!
//! Each sentence follows from the settings or from what the program always does. A sentence that the settings don't support
//! is left out. The texts are in `locales/safety_report.*.yml`, under the names used here.

mod facts;
mod providers;
mod weaker;

use std::fmt::Write as _;

use rust_i18n::t;
use time::{OffsetDateTime, macros::format_description, macros::offset};

use crate::config::Config;
use domain::Locale;

/// A sentence of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sentence {
    /// Its name in `locales/`, under `safety_report`.
    key: &'static str,
    /// Values of its placeholders.
    values: Vec<(&'static str, String)>,
}

impl Sentence {
    fn new(key: &'static str) -> Self {
        Self { key, values: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.values.push((name, value.to_string()));
        self
    }

    fn text(&self, locale: Locale) -> String {
        let text = t!(format!("safety_report.{}", self.key), locale = locale.tag());
        let (names, values): (Vec<_>, Vec<_>) = self.values.iter().cloned().unzip();
        rust_i18n::replace_patterns(&text, &names, &values)
    }
}

/// A section: the name of its title, and its sentences.
struct Section(&'static str, Vec<Sentence>);

/// Writes the document for these settings, dated `now`.
#[must_use]
pub fn write(config: &Config, locale: Locale, now: OffsetDateTime) -> String {
    let sections = [
        Section("collected", facts::collected(config)),
        Section("sent", facts::sent(config)),
        Section("readers", facts::readers(config)),
        Section("kept", facts::kept(config)),
        Section("rights", facts::rights(config)),
        Section("measures", facts::measures(config)),
        Section("children", facts::children(config)),
        Section("responsible", facts::responsible(config)),
        Section("weaker", weaker::settings(config)),
    ];
    let title = |name: &str| t!(format!("safety_report.title.{name}"), locale = locale.tag());
    // The classes are in Korea.
    let day = now.to_offset(offset!(+9)).format(format_description!("[year]-[month]-[day]")).unwrap_or_default();
    let about = Sentence::new("about").with("version", env!("CARGO_PKG_VERSION")).with("day", day);
    let mut text = format!("# {}\n\n{}\n", title("document"), about.text(locale));
    for (number, Section(name, sentences)) in (1..).zip(sections) {
        // Writing into a string can't fail.
        _ = writeln!(text, "\n## {number}. {}\n", title(name));
        for sentence in sentences {
            _ = writeln!(text, "- {}", sentence.text(locale));
        }
    }
    text
}

#[cfg(test)]
mod tests;
