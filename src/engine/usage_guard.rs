//! What a stateless call costs, booked however the call ends: by the server's own count when it is whole, by our
//! estimate when the client hangs up or the answer breaks off.

use std::sync::Arc;

use super::{
    assistant::{Assistant, PromptInput},
    budget::Budget,
};
use domain::turn::{Purpose, Usage};
use store::Store;
use store::now;

/// An open bill. Dropped before it is settled or void, it books an estimate.
pub struct UsageGuard {
    assistant: Assistant,
    store: Store,
    budget: Arc<Budget>,
    asking: PromptInput,
    purpose: Purpose,
    text: String,
    open: bool,
}

impl UsageGuard {
    /// Opens the bill of a call that is about to be made.
    #[must_use]
    pub fn open(
        assistant: Assistant,
        store: Store,
        budget: Arc<Budget>,
        asking: PromptInput,
        purpose: Purpose,
    ) -> Self {
        Self { assistant, store, budget, asking, purpose, text: String::new(), open: true }
    }

    /// Notes a piece of the answer.
    pub fn heard(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Whether a word of the answer came.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.text.is_empty()
    }

    /// Books what the server said the call cost, or several calls where one was tried again. No cost at all, as when the
    /// call failed, leaves nothing to book.
    pub async fn settle(&mut self, usage: &[Usage]) {
        self.open = false;
        for usage in usage {
            self.budget.count(now(), usage);
            book(&self.store, usage).await;
        }
    }

    /// The call failed. What was heard before was paid for all the same.
    pub fn failed(&mut self) {
        self.open = !self.text.is_empty();
    }
}

impl Drop for UsageGuard {
    fn drop(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let Some(usage) = self.assistant.estimate(self.purpose, &self.asking, &self.text) else { return };
        self.budget.count(now(), &usage);
        let store = self.store.clone();
        // Outside a runtime there is no store to write to any more.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { book(&store, &usage).await });
        }
    }
}

async fn book(store: &Store, usage: &Usage) {
    if let Err(error) = store.add_usage(None, usage, now()).await {
        tracing::warn!(error = &error as &dyn std::error::Error, "what a call cost was not stored");
    }
}
