//! Check of Redis: that it answers, and that it evicts no keys.

use super::finding::{Finding, State, Subject};
use crate::{
    config::Config,
    redis::{Inspected, Redis},
};

pub(super) async fn check(config: &Config) -> Option<Finding> {
    let url = config.redis()?;
    let finding = |state, code| Finding::new(Subject::Redis, state, code);
    Some(match Redis::inspect(url).await {
        Err(error) => finding(State::Failed, "redis-unreachable").with("error", error),
        Ok(Inspected { evicts: Some(policy), .. }) => finding(State::Warning, "redis-evicts").with("policy", policy),
        Ok(Inspected { version, .. }) => finding(State::Ok, "redis-ok").with("version", version),
    })
}
