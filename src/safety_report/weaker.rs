//! Settings that protect students less than the defaults.

use super::Sentence;
use crate::config::{Config, StatelessApi, Switch};

/// The days of `RETENTION_DAYS`, and the most questions of `RATE_LIMIT_…`, by default.
const RETENTION_DAYS: u32 = 365;
const LEARNER_PER_MINUTE: u32 = 20;

/// A sentence for each of them, or one that says that there is none.
pub(super) fn settings(config: &Config) -> Vec<Sentence> {
    let limits = &config.limits;
    let mut found = Vec::new();
    let mut add = |is_weaker: bool, sentence: Sentence| {
        if is_weaker {
            found.push(sentence);
        }
    };
    match config.retention_days() {
        None => add(true, Sentence::new("weaker_retention_off")),
        Some(days) => add(days > RETENTION_DAYS, Sentence::new("weaker_retention").with("days", days)),
    }
    add(config.telemetry.log_student_text == Switch::On, Sentence::new("weaker_log"));
    add(limits.rate_limit == Switch::Off, Sentence::new("weaker_rate_off"));
    let per_minute = limits.rate_limit_learner_per_minute;
    add(
        limits.rate_limit == Switch::On && per_minute > LEARNER_PER_MINUTE,
        Sentence::new("weaker_rate").with("count", per_minute),
    );
    add(config.is_public() && !config.is_production(), Sentence::new("weaker_development"));
    add(config.is_public() && !config.is_https(), Sentence::new("weaker_http"));
    add(config.stateless_api() == StatelessApi::On && config.is_public(), Sentence::new("weaker_stateless"));
    let has_no_budget = limits.stateless_daily_token_budget == Some(0) && config.stateless_api() != StatelessApi::Off;
    add(has_no_budget, Sentence::new("weaker_stateless_budget"));
    let accepts_any_host = config.allowed_hosts.iter().any(|host| host.trim() == "*");
    add(accepts_any_host, Sentence::new("weaker_hosts"));
    if found.is_empty() {
        found.push(Sentence::new("weaker_none"));
    }
    found
}
