//! Guides made by the model, each made once: thirty students who open one topic cost one call.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Locale, Topic,
    budget::Budget,
    conversation::now,
    guide::{self, Guide},
    partner::Partner,
    prompt,
};
use crate::store::Store;

/// Guides kept in memory.
const KEPT: u64 = 500;
/// How long a guide, or the news that there is none, is kept before the store or the model is asked again.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

/// Finds guides, and has the model make those that don't exist yet.
#[derive(Clone)]
pub struct Guides(Arc<Inner>);

struct Inner {
    store: Store,
    partner: Partner,
    budget: Arc<Budget>,
    made: Cache<(Topic, Locale), Option<Arc<Guide>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A guide, and whether a better one is on its way.
#[derive(Debug, Clone)]
pub struct Found {
    /// The guide to show now.
    pub guide: Guide,
    /// Whether the model is still making one.
    pub pending: bool,
}

impl Guides {
    /// Guides over these parts, none in memory. `tasks` are waited for and `stop` is heeded when the program ends.
    #[must_use]
    pub fn new(
        store: Store,
        partner: Partner,
        budget: Arc<Budget>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let made = Cache::builder().max_capacity(KEPT).time_to_live(KEPT_FOR).build();
        Self(Arc::new(Inner { store, partner, budget, made, tasks, stop }))
    }

    /// The topic's guide: the model's if there is one or comes within `wait`, else the preset text at once.
    pub async fn find(&self, topic: &Topic, locale: Locale, wait: Duration) -> Found {
        let preset = |pending| Found { guide: guide::preset(topic, locale), pending };
        if self.0.partner.is_practice() {
            return preset(false);
        }
        let key = (topic.clone(), locale);
        let made = match self.0.made.get(&key).await {
            Some(made) => made,
            None => match tokio::time::timeout(wait, self.make(key)).await {
                Ok(made) => made,
                Err(_) => return preset(true),
            },
        };
        match made {
            Some(guide) => Found { guide: (*guide).clone(), pending: false },
            None => preset(false),
        }
    }

    /// Makes a guide in a task of its own, which goes on when the caller stops waiting. All callers share one making.
    async fn make(&self, key: (Topic, Locale)) -> Option<Arc<Guide>> {
        let inner = self.0.clone();
        let making = async move {
            let (topic, locale) = key.clone();
            inner.made.get_with(key, inner.look_up_or_ask(&topic, locale)).await
        };
        // An error means that the making panicked or the runtime ends.
        self.0.tasks.spawn(making).await.unwrap_or_default()
    }
}

impl Inner {
    async fn look_up_or_ask(&self, topic: &Topic, locale: Locale) -> Option<Arc<Guide>> {
        let version = prompt::PROMPT_VERSION.as_str();
        match self.store.guide(topic.as_str(), locale.tag(), version).await {
            Ok(Some(json)) => {
                if let Ok(guide) = serde_json::from_str(&json) {
                    return Some(Arc::new(guide));
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "the stored guides can't be read"),
        }
        if self.budget.spent(now()).is_some() {
            return None;
        }
        let (guide, usage) = tokio::select! {
            made = self.partner.guide(topic, locale) => made,
            () = self.stop.cancelled() => return None,
        };
        let usage = usage?;
        self.budget.count(now(), &usage);
        let booked = self.store.add_usage(None, &usage, now()).await;
        let guide = guide?;
        if let Ok(json) = serde_json::to_string(&guide) {
            let stored = self.store.put_guide(topic.as_str(), locale.tag(), version, &usage.model, &json, now()).await;
            if let Err(error) = booked.and(stored) {
                tracing::warn!(error = &error as &dyn std::error::Error, "a guide was made but not stored");
            }
        }
        Some(Arc::new(guide))
    }
}
