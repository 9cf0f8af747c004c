//! How many event streams may be open, so that the memory they take is bounded.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::error::ApiError;
use crate::config::LimitConfig;
use domain::{LearnerId, TurnId};

/// After this long some of the streams have ended.
const WAIT: Duration = Duration::from_secs(5);

/// The open event streams of turns.
#[derive(Debug)]
pub struct Followers {
    most: usize,
    most_of_learner: usize,
    most_of_turn: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_learner: HashMap<LearnerId, usize>,
    by_turn: HashMap<TurnId, usize>,
}

/// One open stream. Dropping it makes room for another.
#[derive(Debug)]
pub struct OpenStream {
    followers: Arc<Followers>,
    learner: LearnerId,
    turn: TurnId,
}

impl Followers {
    /// None yet, and at most as many as the settings say.
    #[must_use]
    pub fn new(limits: &LimitConfig) -> Self {
        Self {
            most: limits.max_followers,
            most_of_learner: limits.max_followers_per_learner,
            most_of_turn: limits.max_followers_per_turn,
            open: Mutex::default(),
        }
    }

    /// Room for one more stream of a learner's turn.
    ///
    /// # Errors
    /// [`ApiError::Full`] when this instance has as many as it may, [`ApiError::TooMany`] when the learner or the turn
    /// has.
    pub fn open(self: &Arc<Self>, learner: LearnerId, turn: TurnId) -> Result<OpenStream, ApiError> {
        let mut open = self.lock();
        if open.all >= self.most {
            return Err(ApiError::Full);
        }
        let of_learner = open.by_learner.get(&learner).copied().unwrap_or_default();
        let of_turn = open.by_turn.get(&turn).copied().unwrap_or_default();
        if of_learner >= self.most_of_learner || of_turn >= self.most_of_turn {
            return Err(ApiError::TooMany(WAIT));
        }
        open.all += 1;
        open.by_learner.insert(learner, of_learner + 1);
        open.by_turn.insert(turn, of_turn + 1);
        Ok(OpenStream { followers: self.clone(), learner, turn })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut open = self.followers.lock();
        open.all = open.all.saturating_sub(1);
        take_one(&mut open.by_learner, self.learner);
        take_one(&mut open.by_turn, self.turn);
    }
}

fn take_one<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: K) {
    match counts.get_mut(&key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(&key)),
    }
}
