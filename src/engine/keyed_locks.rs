//! Locks by key: requests with one key run one after the other, all others side by side.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tokio::sync::OwnedMutexGuard;

/// A lock for each key. Only keys in use take memory. Cheap to clone: clones share the locks.
#[derive(Debug, Clone)]
pub struct KeyedLocks<K>(Arc<Mutex<HashMap<K, Weak<tokio::sync::Mutex<()>>>>>);

/// Holds the lock of one key until it is dropped.
#[derive(Debug)]
pub struct KeyedGuard<K: Hash + Eq> {
    locks: KeyedLocks<K>,
    key: K,
    /// `None` only while this is dropped.
    guard: Option<OwnedMutexGuard<()>>,
}

impl<K> Default for KeyedLocks<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K: Hash + Eq + Clone> KeyedLocks<K> {
    /// Locks `key`. Callers that wait for it get it in the order in which they called.
    pub async fn lock(&self, key: K) -> KeyedGuard<K> {
        let lock = {
            let mut locks = self.map();
            match locks.get(&key).and_then(Weak::upgrade) {
                Some(lock) => lock,
                None => {
                    let lock = Arc::default();
                    locks.insert(key.clone(), Arc::downgrade(&lock));
                    lock
                }
            }
        };
        // Before the wait, so that a caller who gives up leaves no entry behind either.
        let mut held = KeyedGuard { locks: self.clone(), key, guard: None };
        held.guard = Some(lock.lock_owned().await);
        held
    }

    /// How many keys are locked or waited for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map().len()
    }

    /// Whether no key is locked or waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<K> KeyedLocks<K> {
    fn map(&self) -> MutexGuard<'_, HashMap<K, Weak<tokio::sync::Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Hash + Eq> KeyedGuard<K> {
    /// The key whose lock is held.
    #[must_use]
    pub fn key(&self) -> &K {
        &self.key
    }
}

impl<K: Hash + Eq> Drop for KeyedGuard<K> {
    fn drop(&mut self) {
        let mut locks = self.locks.map();
        self.guard = None;
        if locks.get(&self.key).is_some_and(|lock| lock.strong_count() == 0) {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn callers_with_one_key_wait_for_each_other_and_others_do_not() {
        let locks = KeyedLocks::default();
        let first = locks.lock("a").await;
        let other = locks.lock("b").await;
        let mut second = Box::pin(locks.lock("a"));
        assert!(timeout(Duration::ZERO, &mut second).await.is_err());
        drop(first);
        drop(second.await);
        drop(other);
        assert!(locks.is_empty());
    }

    #[tokio::test]
    async fn a_caller_who_gives_up_waiting_leaves_nothing_behind() {
        let locks = KeyedLocks::default();
        let held = locks.lock(1).await;
        assert!(timeout(Duration::ZERO, locks.lock(1)).await.is_err());
        assert_eq!(locks.len(), 1);
        drop(held);
        assert!(locks.is_empty());
    }
}
