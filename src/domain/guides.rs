//! Guides made by the model, each made once: thirty students who open one topic cost one call, at however many
//! instances they do.

use std::{sync::Arc, time::Duration};

use moka::future::Cache;
use sha2::{Digest, Sha256};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Locale, Topic,
    budget::Budget,
    conversation::now,
    guide::{self, Guide},
    partner::Partner,
    prompt,
};
use crate::{
    shared::{Away, Claimed, Shared},
    store::Store,
};

/// How long a guide, or the news that there is none, is kept before the store or the model is asked again.
const KEPT_FOR: Duration = Duration::from_secs(10 * 60);

/// How long one instance may take to make a guide before another tries.
const LONGEST_MAKING: Duration = Duration::from_secs(60);
/// How often an instance looks whether another has made a guide.
const MAKING_LOOK: Duration = Duration::from_millis(200);

/// Finds guides, and has the model make those that don't exist yet.
#[derive(Clone)]
pub struct Guides(Arc<Inner>);

struct Inner {
    store: Store,
    shared: Option<Shared>,
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
    /// Guides over these parts, none in memory and at most `kept` later. `tasks` are waited for and `stop` is heeded
    /// when the program ends.
    #[must_use]
    pub fn new(
        kept: u64,
        store: Store,
        shared: Option<Shared>,
        partner: Partner,
        budget: Arc<Budget>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let made = Cache::builder().max_capacity(kept).time_to_live(KEPT_FOR).build();
        Self(Arc::new(Inner { store, shared, partner, budget, made, tasks, stop }))
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
        if let Some(guide) = self.look_up(topic, locale).await {
            return Some(guide);
        }
        let Some(shared) = &self.shared else { return self.ask(topic, locale).await };
        let name = claim_name(topic, locale);
        match shared.claim(&name, LONGEST_MAKING).await {
            Ok(Claimed::Ours) => {
                let made = self.ask(topic, locale).await;
                // Should this fail, the claim runs out by itself.
                let _ = shared.disclaim(&name).await;
                made
            }
            Ok(Claimed::Theirs(left)) => {
                self.made_elsewhere(shared, &name, left).await;
                self.look_up(topic, locale).await
            }
            // Each instance for itself, then: the last guide stored is the one that's kept.
            Err(Away) => self.ask(topic, locale).await,
        }
    }

    /// Waits until another instance has made the guide, or given up.
    async fn made_elsewhere(&self, shared: &Shared, name: &str, longest: Duration) {
        let given_up = async {
            while matches!(shared.claimed_for(name).await, Ok(Some(_))) {
                tokio::time::sleep(MAKING_LOOK).await;
            }
        };
        tokio::select! {
            _ = tokio::time::timeout(longest, given_up) => {}
            () = self.stop.cancelled() => {}
        }
    }

    async fn look_up(&self, topic: &Topic, locale: Locale) -> Option<Arc<Guide>> {
        match self.store.guide(topic.as_str(), locale.tag(), version()).await {
            Ok(json) => serde_json::from_str(&json?).ok().map(Arc::new),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the stored guides can't be read");
                None
            }
        }
    }

    /// Has the model make a guide, and keeps it.
    async fn ask(&self, topic: &Topic, locale: Locale) -> Option<Arc<Guide>> {
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
            let stored =
                self.store.put_guide(topic.as_str(), locale.tag(), version(), &usage.model, &json, now()).await;
            if let Err(error) = booked.and(stored) {
                tracing::warn!(error = &error as &dyn std::error::Error, "a guide was made but not stored");
            }
        }
        Some(Arc::new(guide))
    }
}

fn version() -> &'static str {
    prompt::PROMPT_VERSION.as_str()
}

/// A topic is a student's own words, of any length and kind; the claim's name is a digest of it.
fn claim_name(topic: &Topic, locale: Locale) -> String {
    let digest = Sha256::digest(format!("{}\n{}\n{}", locale.tag(), version(), topic.as_str()));
    let digest: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("guide:{digest}")
}
