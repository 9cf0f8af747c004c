//! The report as text and as JSON.

use std::fmt::Write as _;

use serde_json::json;

use super::finding::{Finding, State};
use domain::Locale;

/// The report as text: each finding with its fix below, and a last line with the counts.
#[must_use]
pub fn text(findings: &[Finding], locale: Locale) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.state {
            State::Ok => "✓",
            State::Note => "·",
            State::Warning => "!",
            State::Failed => "✗",
        };
        // Writing into a string can't fail.
        _ = writeln!(text, "{mark} {}: {}", finding.subject_text(locale), finding.message(locale));
        let fix = finding.fix(locale);
        if !fix.is_empty() {
            _ = writeln!(text, "    → {}  [{}]", fix.replace('\n', "\n      "), finding.code);
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    let key = if is_well(findings) { "doctor.healthy" } else { "doctor.unhealthy" };
    let sum =
        rust_i18n::t!(key, locale = locale.tag(), failed = count(State::Failed), warnings = count(State::Warning));
    text + "\n" + &sum
}

/// The report as one JSON object.
#[must_use]
pub fn json(findings: &[Finding], locale: Locale) -> String {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            let values: serde_json::Map<_, _> =
                finding.values.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
            json!({
                "subject": finding.subject,
                "state": finding.state,
                "code": finding.code,
                "said": finding.message(locale),
                "mend": finding.fix(locale),
                "values": values,
            })
        })
        .collect();
    let well = !findings.iter().any(|finding| finding["state"] == json!(State::Failed));
    format!("{:#}", json!({ "ok": well, "version": env!("CARGO_PKG_VERSION"), "findings": findings }))
}

/// Whether no check failed. Warnings don't count.
#[must_use]
pub fn is_well(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| finding.state < State::Failed)
}
