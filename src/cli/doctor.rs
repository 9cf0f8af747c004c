//! The command `doctor`; the checks are in [`crate::doctor`].

use domain::Locale;

use super::{output::print, runtime};
use crate::{
    config::Doctor,
    doctor::{self, Finding, report},
};

/// Runs the checks and prints the report.
pub(super) fn run(args: &Doctor) -> anyhow::Result<()> {
    let runtime = runtime()?;
    if args.health {
        anyhow::ensure!(
            runtime.block_on(doctor::is_healthy(&args.config)),
            "the server on this machine doesn't answer"
        );
        return Ok(());
    }
    let findings = runtime.block_on(doctor::examine(&args.config));
    report(&findings, args.json, args.language.as_deref())
}

/// Prints a report. The exit code says whether everything works.
pub(super) fn report(findings: &[Finding], as_json: bool, asked: Option<&str>) -> anyhow::Result<()> {
    let locale = language(asked);
    print(&if as_json { report::json(findings, locale) } else { report::text(findings, locale) })?;
    if !report::is_well(findings) {
        std::process::exit(1);
    }
    Ok(())
}

/// The requested language, or else the terminal's; English if it isn't supported.
pub(super) fn language(asked: Option<&str>) -> Locale {
    let of_terminal = ["LC_ALL", "LC_MESSAGES", "LANG"].iter().find_map(|name| std::env::var(name).ok());
    asked.map(str::to_owned).or(of_terminal).and_then(|tag| Locale::from_tag(&tag)).unwrap_or(Locale::En)
}
