//! The budgets of the day: one for students, and one for the stateless API, so that no caller of it uses up the students'.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::budget::{Budget, day_start, until_next_day};
use crate::config::BudgetLimits;
use domain::{conversation::Millis, turn::Usage};
use store::{Store, StoreError, UsageAccount};

/// Addresses whose tokens are counted at most. Each has used some of the day's tokens.
const ADDRESSES_MAX: usize = 100_000;

/// Which budget pays for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payer {
    /// The students'.
    Students,
    /// That of the stateless API, for a call from this address.
    Stateless(IpAddr),
}

/// Both budgets. Clones share them.
#[derive(Clone)]
pub struct Budgets {
    /// The budget of questions, and of guides that pages ask for.
    pub students: Arc<Budget>,
    /// The budget of all stateless calls together.
    pub stateless: Arc<Budget>,
    addresses: Arc<AddressBudgets>,
}

impl Budgets {
    /// Reads what was used today.
    ///
    /// # Errors
    /// When the database can't be read.
    pub async fn load(store: &Store, limits: BudgetLimits, now: Millis) -> Result<Self, StoreError> {
        let spent = async |account| store.account_tokens_since(account, day_start(now)).await;
        Ok(Self {
            students: Arc::new(Budget::new(limits.students, now, spent(UsageAccount::Students).await?)),
            stateless: Arc::new(Budget::new(limits.stateless, now, spent(UsageAccount::Stateless).await?)),
            addresses: Arc::new(AddressBudgets::new(limits.address)),
        })
    }

    /// How long until this payer has tokens again; `None` while there are some.
    #[must_use]
    pub fn spent(&self, payer: Payer, now: Millis) -> Option<Duration> {
        match payer {
            Payer::Students => self.students.spent(now),
            Payer::Stateless(address) => self.stateless.spent(now).or_else(|| self.addresses.spent(address, now)),
        }
    }

    /// Adds the usage of a call.
    pub fn count(&self, payer: Payer, usage: &Usage, now: Millis) {
        match payer {
            Payer::Students => self.students.count(now, usage),
            Payer::Stateless(address) => {
                self.stateless.count(now, usage);
                self.addresses.count(address, usage, now);
            }
        }
    }
}

impl Payer {
    /// Books the usage of a call of no turn.
    ///
    /// # Errors
    /// When the database can't be written.
    pub async fn book(self, store: &Store, usage: &Usage, now: Millis) -> Result<(), StoreError> {
        match self {
            Self::Students => store.add_usage(None, usage, now).await,
            Self::Stateless(_) => store.add_stateless_usage(usage, now).await,
        }
    }
}

/// What the stateless calls of each address used today, in memory only.
struct AddressBudgets {
    limit: u64,
    used: Mutex<(Millis, HashMap<IpAddr, u64>)>,
}

impl AddressBudgets {
    fn new(limit: u64) -> Self {
        Self { limit, used: Mutex::default() }
    }

    fn spent(&self, address: IpAddr, now: Millis) -> Option<Duration> {
        let is_spent = self.limit > 0 && self.today(now).1.get(&address).is_some_and(|used| *used >= self.limit);
        is_spent.then(|| until_next_day(now))
    }

    fn count(&self, address: IpAddr, usage: &Usage, now: Millis) {
        if self.limit == 0 {
            return;
        }
        let used = &mut self.today(now).1;
        if used.len() >= ADDRESSES_MAX {
            // The addresses that are kept are those that come near their limit.
            used.retain(|_, tokens| *tokens * 2 > self.limit);
        }
        let tokens = used.entry(address).or_default();
        *tokens += u64::from(usage.prompt_tokens) + u64::from(usage.completion_tokens);
    }

    fn today(&self, now: Millis) -> MutexGuard<'_, (Millis, HashMap<IpAddr, u64>)> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.0 != day_start(now) {
            *used = (day_start(now), HashMap::new());
        }
        used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::turn::Purpose;

    const NOON: Millis = 1_772_420_400_000;
    const DAY: Millis = 24 * 60 * 60 * 1000;

    fn usage(tokens: u32) -> Usage {
        Usage {
            purpose: Purpose::Chat,
            model: "m".into(),
            prompt_tokens: tokens,
            completion_tokens: 0,
            estimated: false,
        }
    }

    #[test]
    fn each_address_has_tokens_of_its_own_until_midnight() {
        let addresses = AddressBudgets::new(100);
        let [one, two] = [[198, 51, 100, 7], [198, 51, 100, 8]].map(IpAddr::from);
        addresses.count(one, &usage(99), NOON);
        assert_eq!(addresses.spent(one, NOON), None);
        addresses.count(one, &usage(1), NOON);
        assert!(addresses.spent(one, NOON).is_some());
        assert_eq!(addresses.spent(two, NOON), None);
        assert_eq!(addresses.spent(one, NOON + DAY), None);
    }

    #[test]
    fn no_limit_counts_no_address() {
        let addresses = AddressBudgets::new(0);
        addresses.count(IpAddr::from([198, 51, 100, 7]), &usage(u32::MAX), NOON);
        assert_eq!(addresses.spent(IpAddr::from([198, 51, 100, 7]), NOON), None);
        assert!(addresses.today(NOON).1.is_empty());
    }
}
