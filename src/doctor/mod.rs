//! What is wrong, and how to fix it: every part is looked at as the running program uses it, and nothing is changed.
//!
//! Each finding has a code under which `locales/doctor.*.yml` has its words, and the operators' guide its explanation.

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

/// Looks at everything. What depends on another part isn't skipped: two things may be broken at once.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let mut found = settings::check(config);
    if !report::is_well(&found) {
        // The other parts would be looked for where these settings say.
        return found;
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
    found.extend(database);
    found.push(machine::disk(config));
    found.extend(machine::memory());
    found.extend(machine::clock(&clocks));
    found.extend(redis);
    found.extend(model);
    found.push(backup);
    found.push(server);
    found.extend(public);
    found
}
