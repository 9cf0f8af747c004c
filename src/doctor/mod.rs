//! Diagnosis for operators: each part is checked as the running program uses it, and nothing is changed.
//!
//! Each finding has a code. `locales/doctor.*.yml` has its texts, the operators' guide its explanation.

mod backups;
mod database;
mod finding;
mod machine;
mod model;
mod public;

pub mod report;
mod server;
mod settings;
mod sharing;
mod web;

pub use finding::{Finding, State, Subject};
pub use server::is_healthy;
pub use settings::refused;

use crate::config::Config;

/// Checks everything. A part is checked even if one that it depends on fails: two may be broken at once.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut findings = settings::check(config);
    if !report::is_well(&findings) {
        // These settings say where the other parts are.
        return findings;
    }
    let ((database, database_clock), redis, model, backup, server, (public, public_clock)) = tokio::join!(
        database::check(config),
        sharing::check(config),
        model::check(config),
        backups::check(config),
        server::check(config),
        public::check(config),
    );
    let clocks = [("PostgreSQL", database_clock), ("HTTP", public_clock)];
    let clocks: Vec<_> = clocks.into_iter().filter_map(|(who, clock)| Some((who, clock?))).collect();
    findings.extend(database);
    findings.push(machine::disk(config));
    findings.extend(machine::memory());
    findings.extend(machine::clock(&clocks));
    findings.extend(redis);
    findings.extend(model);
    findings.push(backup);
    findings.push(server);
    findings.extend(public);
    findings
}
