//! Limits on open event streams, which bound their memory.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::error::ApiError;
use crate::config::LimitConfig;
use domain::{LearnerId, TurnId};

/// The `Retry-After` of a refused stream.
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// The open event streams of turns.
#[derive(Debug)]
pub struct Followers {
    max: usize,
    max_per_learner: usize,
    max_per_turn: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    total: usize,
    by_learner: HashMap<LearnerId, usize>,
    by_turn: HashMap<TurnId, usize>,
}

/// One open stream, counted until it is dropped.
#[derive(Debug)]
pub struct OpenStream {
    followers: Arc<Followers>,
    learner: LearnerId,
    turn: TurnId,
}

impl Followers {
    /// Creates the counts with the limits of the settings.
    #[must_use]
    pub fn new(limits: &LimitConfig) -> Self {
        Self {
            max: limits.max_followers,
            max_per_learner: limits.max_followers_per_learner,
            max_per_turn: limits.max_followers_per_turn,
            counts: Mutex::default(),
        }
    }

    /// Counts one more stream of a learner's turn.
    ///
    /// # Errors
    /// [`ApiError::Full`] at the limit of this instance, [`ApiError::TooMany`] at the limit of the learner or the turn.
    pub fn try_open(self: &Arc<Self>, learner: LearnerId, turn: TurnId) -> Result<OpenStream, ApiError> {
        let mut counts = self.lock();
        if counts.total >= self.max {
            return Err(ApiError::Full);
        }
        let of_learner = counts.by_learner.get(&learner).copied().unwrap_or_default();
        let of_turn = counts.by_turn.get(&turn).copied().unwrap_or_default();
        if of_learner >= self.max_per_learner || of_turn >= self.max_per_turn {
            return Err(ApiError::TooMany(RETRY_AFTER));
        }
        counts.total += 1;
        counts.by_learner.insert(learner, of_learner + 1);
        counts.by_turn.insert(turn, of_turn + 1);
        Ok(OpenStream { followers: self.clone(), learner, turn })
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut counts = self.followers.lock();
        counts.total = counts.total.saturating_sub(1);
        decrement(&mut counts.by_learner, self.learner);
        decrement(&mut counts.by_turn, self.turn);
    }
}

fn decrement<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    match counts.get_mut(&key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(&key)),
    }
}
