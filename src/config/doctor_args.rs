//! How the doctor was asked, as far as that can be told while the settings can't be read.

use std::env;

/// What is asked of the doctor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorArgs {
    /// Whether the report is to be JSON.
    pub json: bool,
    /// The language that was named.
    pub language: Option<String>,
}

impl DoctorArgs {
    /// What the command line says, if it's a report of the doctor that it asks for.
    #[must_use]
    pub fn read() -> Option<Self> {
        let words: Vec<_> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        Self::of(&words)
    }

    fn of(words: &[impl AsRef<str>]) -> Option<Self> {
        let mut words = words.iter().map(AsRef::as_ref);
        // It's the first word, since settings of `serve` don't stand before another.
        if words.next() != Some("doctor") {
            return None;
        }
        let mut asked = Self { json: false, language: None };
        while let Some(word) = words.next() {
            match (word, word.strip_prefix("--language=")) {
                ("--health", _) => return None,
                ("--json", _) => asked.json = true,
                ("--language", _) => asked.language = words.next().map(str::to_owned),
                (_, Some(language)) => asked.language = Some(language.to_owned()),
                _ => {}
            }
        }
        Some(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_is_a_consultation() {
        let asked = |json, language: Option<&str>| Some(DoctorArgs { json, language: language.map(str::to_owned) });
        assert_eq!(DoctorArgs::of(&["doctor"]), asked(false, None));
        assert_eq!(DoctorArgs::of(&["doctor", "--json", "--language", "ko"]), asked(true, Some("ko")));
        assert_eq!(DoctorArgs::of(&["doctor", "--language=en", "--app-port", "x"]), asked(false, Some("en")));
        for other in [&["doctor", "--health"][..], &["serve", "doctor"], &["--json"], &[]] {
            assert_eq!(DoctorArgs::of(other), None, "{other:?}");
        }
    }
}
