//! Books the usage of a stateless call however the call ends: by the model server's count when the call finishes, by an
//! estimate when the client disconnects or the answer breaks off.

use std::sync::Arc;

use super::{
    assistant::{Assistant, PromptInput},
    budget::Budget,
};
use domain::turn::{Purpose, Usage};
use store::Store;
use store::now;

/// The usage of a call that runs. If it is dropped before [`Self::settle`] or [`Self::fail`], it books an estimate.
pub struct UsageGuard {
    assistant: Assistant,
    store: Store,
    budget: Arc<Budget>,
    input: PromptInput,
    purpose: Purpose,
    text: String,
    is_open: bool,
}

impl UsageGuard {
    /// Starts to count a call that is about to be made.
    #[must_use]
    pub fn new(assistant: Assistant, store: Store, budget: Arc<Budget>, input: PromptInput, purpose: Purpose) -> Self {
        Self { assistant, store, budget, input, purpose, text: String::new(), is_open: true }
    }

    /// Adds a piece of the answer.
    pub fn push(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Whether any text of the answer has arrived.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.text.is_empty()
    }

    /// Books the usage that the model server reported, one entry for each attempt. Books nothing for an empty slice, as after
    /// a failed call.
    pub async fn settle(&mut self, usage: &[Usage]) {
        self.is_open = false;
        for usage in usage {
            self.budget.count(now(), usage);
            book(&self.store, usage).await;
        }
    }

    /// Marks the call as failed. Text that arrived before was paid for, so it is still booked as an estimate.
    pub fn fail(&mut self) {
        self.is_open = !self.text.is_empty();
    }
}

impl Drop for UsageGuard {
    fn drop(&mut self) {
        if !std::mem::take(&mut self.is_open) {
            return;
        }
        let Some(usage) = self.assistant.estimate(self.purpose, &self.input, &self.text) else { return };
        self.budget.count(now(), &usage);
        let store = self.store.clone();
        // Outside a runtime the store can't be written to.
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
