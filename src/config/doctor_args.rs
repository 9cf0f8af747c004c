//! Arguments of `doctor`, read without the settings: the doctor reports settings that can't be read.

use std::env;

/// The arguments that choose the form of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorArgs {
    /// Whether the report is JSON.
    pub json: bool,
    /// Language of the report, if one is named.
    pub language: Option<String>,
}

impl DoctorArgs {
    /// Reads the command line; `None` if it doesn't ask for a report of the doctor.
    #[must_use]
    pub fn read() -> Option<Self> {
        let words: Vec<_> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        Self::of(&words)
    }

    fn of(words: &[impl AsRef<str>]) -> Option<Self> {
        let mut words = words.iter().map(AsRef::as_ref);
        // Always the first word: flags of `serve` can't precede another command.
        if words.next() != Some("doctor") {
            return None;
        }
        let mut args = Self { json: false, language: None };
        while let Some(word) = words.next() {
            match (word, word.strip_prefix("--language=")) {
                ("--health", _) => return None,
                ("--json", _) => args.json = true,
                ("--language", _) => args.language = words.next().map(str::to_owned),
                (_, Some(language)) => args.language = Some(language.to_owned()),
                _ => {}
            }
        }
        Some(args)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_doctors_report_has_these_arguments() {
        let args = |json, language: Option<&str>| Some(DoctorArgs { json, language: language.map(str::to_owned) });
        assert_eq!(DoctorArgs::of(&["doctor"]), args(false, None));
        assert_eq!(DoctorArgs::of(&["doctor", "--json", "--language", "ko"]), args(true, Some("ko")));
        assert_eq!(DoctorArgs::of(&["doctor", "--language=en", "--app-port", "x"]), args(false, Some("en")));
        for other in [&["doctor", "--health"][..], &["serve", "doctor"], &["--json"], &[]] {
            assert_eq!(DoctorArgs::of(other), None, "{other:?}");
        }
    }
}
