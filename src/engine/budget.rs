//! A limit of tokens that all instances together may use in a day.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use domain::{conversation::Millis, turn::Usage};

const DAY: Millis = 24 * 60 * 60 * 1000;
/// Korea is nine hours ahead of UTC all year round.
const KST: Millis = 9 * 60 * 60 * 1000;

/// The day's tokens. Days begin at midnight in Korea.
///
/// Tokens are counted when a call ends, so calls already running when the budget is spent still finish, and the day's
/// total may exceed the limit by what they use.
pub struct Budget {
    limit: u64,
    spent: Mutex<Spent>,
}

struct Spent {
    day: Millis,
    tokens: u64,
}

impl Budget {
    /// A budget of `limit` tokens a day, 0 for none, of which `tokens` are spent today.
    #[must_use]
    pub fn new(limit: u64, now: Millis, tokens: u64) -> Self {
        Self { limit, spent: Mutex::new(Spent { day: day(now), tokens }) }
    }

    /// How long until there are tokens again; `None` while there are some.
    pub fn spent(&self, now: Millis) -> Option<Duration> {
        let spent = self.today(now);
        (self.limit > 0 && spent.tokens >= self.limit).then(|| until_next_day(now))
    }

    /// Adds the usage of a call.
    pub fn count(&self, now: Millis, usage: &Usage) {
        let mut spent = self.today(now);
        spent.tokens += u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens);
    }

    /// Tokens used today, as far as this instance knows, and the limit, which is 0 for none.
    #[must_use]
    pub fn used(&self, now: Millis) -> (u64, u64) {
        (self.today(now).tokens, self.limit)
    }

    /// Whether there is a limit at all.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.limit > 0
    }

    /// Raises today's tokens to the database's total of all instances.
    pub fn raise_to(&self, now: Millis, tokens: u64) {
        let mut spent = self.today(now);
        spent.tokens = spent.tokens.max(tokens);
    }

    fn today(&self, now: Millis) -> std::sync::MutexGuard<'_, Spent> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.day != day(now) {
            *spent = Spent { day: day(now), tokens: 0 };
        }
        spent
    }
}

/// How long until the next day begins.
#[must_use]
pub fn until_next_day(now: Millis) -> Duration {
    Duration::from_millis(u64::try_from(day_start(now) + DAY - now).unwrap_or(0))
}

/// When the day of `now` began.
#[must_use]
pub fn day_start(now: Millis) -> Millis {
    day(now) * DAY - KST
}

fn day(now: Millis) -> Millis {
    (now + KST).div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::turn::Purpose;

    /// 2026-03-02T14:00:00Z, 23:00 in Korea.
    const EVENING: Millis = 1_772_460_000_000;
    const HOUR: Millis = 60 * 60 * 1000;

    fn usage(tokens: u32) -> Usage {
        Usage {
            purpose: Purpose::Chat,
            model: "m".into(),
            prompt_tokens: tokens - 1,
            completion_tokens: 1,
            estimated: false,
        }
    }

    #[test]
    fn the_budget_is_spent_until_midnight_in_korea() {
        let budget = Budget::new(100, EVENING, 40);
        assert_eq!(budget.spent(EVENING), None);
        budget.count(EVENING, &usage(60));
        assert_eq!(budget.spent(EVENING), Some(Duration::from_secs(3600)));
        assert_eq!(budget.spent(EVENING + HOUR), None);
    }

    #[test]
    fn no_limit_is_never_spent() {
        let budget = Budget::new(0, EVENING, u64::from(u32::MAX));
        assert_eq!(budget.spent(EVENING), None);
    }

    #[test]
    fn tokens_of_other_instances_count_and_the_total_never_falls() {
        let budget = Budget::new(100, EVENING, 40);
        budget.raise_to(EVENING, 100);
        assert!(budget.spent(EVENING).is_some());
        budget.raise_to(EVENING, 50);
        assert!(budget.spent(EVENING).is_some());
    }

    #[test]
    fn a_day_starts_at_midnight_in_korea() {
        assert_eq!(day_start(EVENING), EVENING - 23 * HOUR);
        assert_eq!(day_start(EVENING + HOUR), EVENING + HOUR);
    }
}
