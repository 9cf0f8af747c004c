//! The parameters of a run, from the environment: its seed and its length.

use std::{env, fmt::Display};

use fastrand::Rng;

/// A scenario's run.
pub struct Run {
    scenario: &'static str,
    pub random: Rng,
    /// How many turns, if TURNS is set.
    turns: Option<usize>,
}

impl Run {
    /// Begins a scenario and prints how to replay it.
    pub fn begin(scenario: &'static str) -> Self {
        let seed = number("SEED").unwrap_or_else(|| fastrand::u64(1..1_000_000));
        println!("{scenario}: SEED={seed} make cluster");
        Self { scenario, random: Rng::with_seed(seed), turns: number("TURNS").map(|turns| turns as usize) }
    }

    /// The number of turns that TURNS sets, or `usual`.
    pub fn turns(&self, usual: usize) -> usize {
        self.turns.unwrap_or(usual)
    }

    /// Prints the results.
    pub fn report(&self, results: impl Display) {
        println!("{}: {results}", self.scenario);
    }
}

fn number(name: &str) -> Option<u64> {
    let value = env::var(name).ok().filter(|value| !value.is_empty())?;
    Some(value.parse().unwrap_or_else(|_| panic!("{name} is a number, not {value:?}")))
}
