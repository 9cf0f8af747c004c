//! Check of the settings: invalid ones, and ones that are unsafe on a public server.

use std::{env, fmt::Display, fs, os::unix::fs::PermissionsExt as _};

use super::finding::{Finding, State, Subject};
use crate::config::{self, Config, SECRETS, StatelessApi, Switch};

pub(super) fn check(config: &Config) -> Vec<Finding> {
    if let Err(error) = config.validate() {
        return vec![refused(error)];
    }
    let mut found = Vec::new();
    let mut warn = |code| found.push(Finding::new(Subject::Settings, State::Warning, code));
    let is_public = config.is_public();
    if config::are_hidden() {
        warn("settings-hidden");
    }
    if is_public && !config.is_production() {
        warn("settings-development");
    }
    if is_public && config.app_host.is_loopback() && config.trusted_proxies.is_empty() {
        warn("settings-proxy");
    }
    if is_public && config.limits.rate_limit == Switch::Off {
        warn("settings-limits-off");
    }
    if is_public && config.model.server().is_some() {
        if config.stateless_api() == StatelessApi::On {
            warn("settings-stateless-open");
        }
        let limits = config.budget_limits();
        if limits.students == 0 {
            warn("settings-no-budget");
        }
        if limits.stateless == 0 && config.stateless_api() != StatelessApi::Off {
            warn("settings-no-stateless-budget");
        }
    }
    found.extend(minimum_age(config));
    found.extend(SECRETS.iter().filter_map(|name| open_file(name)));
    if found.is_empty() {
        found.push(Finding::new(Subject::Settings, State::Ok, "settings-ok"));
    }
    found
}

/// The finding for a provider whose terms exclude some of the students.
fn minimum_age(config: &Config) -> Option<Finding> {
    let (provider, age) = config.model.provider_with_minimum_age()?;
    let finding = Finding::new(Subject::Settings, State::Warning, "settings-provider-age");
    Some(finding.with("provider", provider).with("age", age))
}

/// The finding for settings with which the program doesn't start, and why.
pub fn refused(error: impl Display) -> Finding {
    Finding::new(Subject::Settings, State::Failed, "settings-refused").with("error", error)
}

/// The finding for a secret's file that every user of this machine can read.
fn open_file(name: &str) -> Option<Finding> {
    let path = env::var(format!("{name}_FILE")).ok()?;
    let mode = fs::metadata(&path).ok()?.permissions().mode();
    let finding = Finding::new(Subject::Settings, State::Warning, "settings-secret-open").with("path", path);
    (mode & 0o004 != 0).then_some(finding)
}
