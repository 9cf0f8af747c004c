//! The cost of calls by the operator's price list.

use super::Usage;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// What a model costs, in US dollars per million tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// Tokens of requests.
    pub input: f64,
    /// Tokens of requests that are in the server's cache.
    pub cached: f64,
    /// Tokens of answers.
    pub output: f64,
}

impl Price {
    /// The cost of a call in nano-dollars.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "prices and tokens are not negative")]
    fn nano_dollars(&self, usage: Usage) -> u64 {
        let cached = f64::from(usage.cached_tokens);
        let read = f64::from(usage.prompt_tokens) - cached;
        let dollars_by_million =
            read * self.input + cached * self.cached + f64::from(usage.completion_tokens) * self.output;
        (dollars_by_million * 1e3).round() as u64
    }
}

/// Adds up the cost of calls, in whole numbers of which no fraction is lost: one token costs less than a micro-dollar, and
/// the usual prices, with up to three decimals, are whole nano-dollars per token.
#[derive(Debug)]
pub(super) struct Spending {
    prices: HashMap<String, Price>,
    /// Nano-dollars since the start, by model.
    spent: Mutex<BTreeMap<String, u64>>,
}

impl Spending {
    /// Begins at nothing for those of these models that have a price.
    pub(super) fn new<'a>(prices: &[(String, Price)], models: impl Iterator<Item = &'a String>) -> Self {
        let prices: HashMap<String, Price> = prices.iter().cloned().collect();
        let spent = models.filter(|model| prices.contains_key(*model)).map(|model| (model.clone(), 0)).collect();
        Self { prices, spent: Mutex::new(spent) }
    }

    /// Counts a call, if its model has a price.
    pub(super) fn count(&self, model: &str, usage: Usage) {
        let Some(price) = self.prices.get(model) else { return };
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        *spent.entry(model.to_owned()).or_default() += price.nano_dollars(usage);
    }

    /// Dollars since the start, by model.
    #[expect(clippy::cast_precision_loss, reason = "2^53 nano-dollars are nine million dollars")]
    pub(super) fn so_far(&self) -> Vec<(String, f64)> {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.iter().map(|(model, nanos)| (model.clone(), *nanos as f64 / 1e9)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_tokens_of_each_kind_cost_what_the_list_says() {
        let price = Price { input: 0.15, cached: 0.075, output: 0.6 };
        let models = ["a".to_owned(), "c".to_owned()];
        let spending = Spending::new(&[("a".to_owned(), price), ("b".to_owned(), price)], models.iter());
        assert_eq!(spending.so_far(), [("a".to_owned(), 0.0)]);
        let usage = Usage {
            prompt_tokens: 2_000_000,
            cached_tokens: 1_000_000,
            completion_tokens: 1_000_000,
            estimated: false,
        };
        spending.count("a", usage);
        spending.count("c", usage);
        let [(_, dollars)] = &spending.so_far()[..] else { panic!("one model has a price") };
        assert!((dollars - 0.825).abs() < 1e-9, "{dollars}");
        // Small calls add up without rounding.
        for _ in 0..1000 {
            let usage = Usage { prompt_tokens: 3, cached_tokens: 1, completion_tokens: 1, estimated: false };
            spending.count("a", usage);
        }
        assert_eq!(spending.so_far(), [("a".to_owned(), 0.825_975)]);
    }
}
