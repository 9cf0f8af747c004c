//! Guides made by the model. The guide of a preset topic is made once and shared by all students and instances, so a class
//! that opens it costs one call. The guide of a student's own topic is cached for that student alone.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use moka::future::Cache;
use sha2::{Digest, Sha256};

use super::{
    assistant::{Assistant, UsageLog},
    budgets::{Budgets, Payer},
    turn::GuideSlots,
};
use crate::{
    lifecycle::Lifecycle,
    redis::{LockAttempt, Redis, Unavailable},
};
use coach::guide;
use domain::{Guide, LearnerId, Locale, Topic};
use store::Store;
use store::now;
use tutor::prompt;

/// How long a guide, or the fact that there is none, stays cached before the store or the model is asked again.
const CACHE_TTL: Duration = Duration::from_secs(10 * 60);

/// How long one instance may take to make a guide before another tries.
const LOCK_TTL: Duration = Duration::from_secs(60);
/// How often an instance checks whether another still makes a guide.
const LOCK_POLL: Duration = Duration::from_millis(200);

/// Finds guides, and has the model make those that don't exist yet.
#[derive(Clone)]
pub struct Guides(Arc<Inner>);

/// The cache key of a guide: shared by all learners for a preset topic, or owned by one learner for an own topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    topic: Topic,
    locale: Locale,
    owner: Option<LearnerId>,
}

impl Key {
    /// `None` for an own topic without a learner: the guide has no owner to cache it for.
    fn new(topic: &Topic, locale: Locale, learner: Option<LearnerId>) -> Option<Self> {
        let key = |owner| Self { topic: topic.clone(), locale, owner };
        match topic.preset() {
            Some(_) => Some(key(None)),
            None => learner.map(|learner| key(Some(learner))),
        }
    }
}

struct Inner {
    store: Store,
    redis: Option<Redis>,
    assistant: Assistant,
    budgets: Budgets,
    slots: GuideSlots,
    made: Cache<Key, Option<Arc<Guide>>>,
    /// The guides that are being looked up or made here.
    making: Mutex<HashSet<Key>>,
    lifecycle: Lifecycle,
}

/// A guide, and whether a better one is on its way.
#[derive(Debug, Clone)]
pub struct Found {
    /// The guide to show now.
    pub guide: Guide,
    /// Whether the model is still making one.
    pub pending: bool,
}

/// The entry of a guide in [`Inner::making`]. Dropping it removes the entry.
struct MakingEntry {
    inner: Arc<Inner>,
    key: Key,
}

impl Drop for MakingEntry {
    fn drop(&mut self) {
        self.inner.making().remove(&self.key);
    }
}

/// No slot was free to make a guide in.
#[derive(Debug)]
struct NoSlot;

impl Guides {
    /// Guides from the store and the model, of which at most `capacity` stay in memory.
    #[must_use]
    pub fn new(
        capacity: u64,
        store: Store,
        redis: Option<Redis>,
        assistant: Assistant,
        budgets: Budgets,
        slots: GuideSlots,
        lifecycle: Lifecycle,
    ) -> Self {
        let made = Cache::builder().max_capacity(capacity).time_to_live(CACHE_TTL).build();
        let making = Mutex::default();
        Self(Arc::new(Inner { store, redis, assistant, budgets, slots, made, making, lifecycle }))
    }

    /// The topic's guide as far as it is known without a call of the model: cached, stored, or known not to exist.
    pub async fn known(&self, topic: &Topic, locale: Locale, learner: Option<LearnerId>) -> Option<Found> {
        if self.0.assistant.is_practice() {
            return Some(preset(topic, locale, false));
        }
        let key = Key::new(topic, locale, learner)?;
        match self.0.made.get(&key).await {
            Some(made) => Some(found(made, topic, locale)),
            None => {
                let stored = self.0.look_up(topic, locale).await?;
                self.0.made.insert(key, Some(stored.clone())).await;
                Some(found(Some(stored), topic, locale))
            }
        }
    }

    /// Whether the topic's guide is being made here.
    #[must_use]
    pub fn is_making(&self, topic: &Topic, locale: Locale, learner: Option<LearnerId>) -> bool {
        Key::new(topic, locale, learner).is_some_and(|key| self.0.making().contains(&key))
    }

    /// The topic's guide: the model's if it comes within `wait`, else the preset text. The preset text stays when no
    /// slot is free to make one in. Without a learner an own topic's guide isn't cached, so a later call can't get it and it is
    /// not reported as pending.
    pub async fn make(
        &self,
        topic: &Topic,
        locale: Locale,
        learner: Option<LearnerId>,
        payer: Payer,
        wait: Duration,
    ) -> Found {
        let key = Key::new(topic, locale, learner);
        let is_cached = key.is_some();
        match tokio::time::timeout(wait, self.make_once(topic.clone(), locale, key, payer)).await {
            Ok(made) => found(made, topic, locale),
            Err(_) => preset(topic, locale, is_cached),
        }
    }

    /// Makes a guide in a task of its own, which goes on when the caller stops waiting. All callers with one key share one
    /// making.
    async fn make_once(&self, topic: Topic, locale: Locale, key: Option<Key>, payer: Payer) -> Option<Arc<Guide>> {
        let inner = self.0.clone();
        let entry = key.clone().filter(|key| inner.making().insert(key.clone()));
        let entry = entry.map(|key| MakingEntry { inner: inner.clone(), key });
        let making = async move {
            let _entry = entry;
            let lookup = inner.look_up_or_ask(&topic, locale, payer);
            match key {
                Some(key) => inner.made.try_get_with(key, lookup).await.ok(),
                None => lookup.await.ok(),
            }
            .flatten()
        };
        // An error means that the making panicked or the runtime ends.
        self.0.lifecycle.spawn_uninterrupted(making).await.unwrap_or_default()
    }
}

/// The built-in guide to a topic, which needs no model.
#[must_use]
pub fn built_in(topic: &Topic, locale: Locale) -> Found {
    preset(topic, locale, false)
}

fn preset(topic: &Topic, locale: Locale, pending: bool) -> Found {
    Found { guide: guide::preset(topic, locale), pending }
}

fn found(made: Option<Arc<Guide>>, topic: &Topic, locale: Locale) -> Found {
    match made {
        Some(guide) => Found { guide: (*guide).clone(), pending: false },
        None => preset(topic, locale, false),
    }
}

impl Inner {
    fn making(&self) -> MutexGuard<'_, HashSet<Key>> {
        self.making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_up_or_ask(&self, topic: &Topic, locale: Locale, payer: Payer) -> Result<Option<Arc<Guide>>, NoSlot> {
        if let Some(guide) = self.look_up(topic, locale).await {
            return Ok(Some(guide));
        }
        // Before the lock, which expires: waiting for a slot must not use up its time.
        let slot = self.slots.admit(payer).await.ok_or(NoSlot)?;
        // Instances share guides through the store, which holds none of own topics.
        let redis = self.redis.as_ref().filter(|_| topic.preset().is_some());
        let Some(redis) = redis else { return Ok(self.ask(topic, locale, payer).await) };
        let name = lock_name(topic, locale);
        match redis.try_lock(&name, LOCK_TTL).await {
            Ok(LockAttempt::Acquired) => {
                let made = self.ask(topic, locale, payer).await;
                // If this fails, the lock expires.
                let _ = redis.unlock(&name).await;
                Ok(made)
            }
            Ok(LockAttempt::HeldElsewhere(left)) => {
                drop(slot);
                self.wait_for_unlock(redis, &name, left).await;
                Ok(self.look_up(topic, locale).await)
            }
            // Without Redis each instance makes its own guide. The last one stored wins.
            Err(Unavailable) => Ok(self.ask(topic, locale, payer).await),
        }
    }

    /// Waits until the instance that makes the guide releases its lock, or the lock expires.
    async fn wait_for_unlock(&self, redis: &Redis, name: &str, longest: Duration) {
        let unlocked = async {
            while matches!(redis.locked_for(name).await, Ok(Some(_))) {
                tokio::time::sleep(LOCK_POLL).await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(longest, unlocked) => {}
            () = self.lifecycle.drained() => {}
        }
    }

    /// The stored guide. Only those of presets are stored: a student's own topic is the student's own words, which
    /// would outlive the student's deletion of everything.
    async fn look_up(&self, topic: &Topic, locale: Locale) -> Option<Arc<Guide>> {
        topic.preset()?;
        match self.store.guide(topic.as_str(), locale.tag(), version()).await {
            Ok(json) => serde_json::from_str(&json?).ok().map(Arc::new),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the stored guides can't be read");
                None
            }
        }
    }

    /// Has the model make a guide, books its usage, and stores it if the topic is a preset.
    async fn ask(&self, topic: &Topic, locale: Locale, payer: Payer) -> Option<Arc<Guide>> {
        let mut log = UsageLog::default();
        let made = tokio::select! {
            made = self.assistant.guide(topic, locale, &mut log) => made,
            () = self.lifecycle.drained() => None,
        };
        for usage in log.take(|| self.assistant.estimate_guide(topic, locale)) {
            self.budgets.count(payer, &usage, now());
            if let Err(error) = payer.book(&self.store, &usage, now()).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "the usage of a guide was not stored");
            }
        }
        let (guide, model) = made?;
        if topic.preset().is_some()
            && let Ok(json) = serde_json::to_string(&guide)
            && let Err(error) =
                self.store.put_guide(topic.as_str(), locale.tag(), version(), &model, &json, now()).await
        {
            tracing::warn!(error = &error as &dyn std::error::Error, "a guide was made but not stored");
        }
        Some(Arc::new(guide))
    }
}

fn version() -> &'static str {
    prompt::PROMPT_VERSION.as_str()
}

/// The name of the lock on making a guide: a digest, because a topic is free text of any length.
fn lock_name(topic: &Topic, locale: Locale) -> String {
    let digest = Sha256::digest(format!("{}\n{}\n{}", locale.tag(), version(), topic.as_str()));
    format!("guide:{}", hex::encode(&digest[..16]))
}
