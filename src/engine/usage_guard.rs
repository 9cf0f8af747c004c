//! Books the usage of a stateless call however the call ends: by the model server's count when the call finishes, by an
//! estimate when the client disconnects or the answer breaks off.

use tokio::{runtime::Handle, task::JoinHandle};

use super::{
    assistant::{Assistant, PromptInput, UsageLog},
    budgets::{Budgets, Payer},
};
use domain::turn::Purpose;
use store::{Store, now};

/// The usage of a call that runs. Dropping it books what [`Self::settle`] has not.
pub struct UsageGuard {
    assistant: Assistant,
    store: Store,
    budgets: Budgets,
    payer: Payer,
    input: PromptInput,
    purpose: Purpose,
    /// The usage of this call. The server's count belongs here as soon as it is known.
    pub log: UsageLog,
    text: String,
}

impl UsageGuard {
    /// Starts to count a call that is about to be made and reports to `log`.
    #[must_use]
    pub fn new(
        assistant: Assistant,
        store: Store,
        budgets: Budgets,
        payer: Payer,
        input: PromptInput,
        purpose: Purpose,
        log: UsageLog,
    ) -> Self {
        Self { assistant, store, budgets, payer, input, purpose, log, text: String::new() }
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

    /// Books the usage so far, and waits until it is stored.
    pub async fn settle(&mut self) {
        if let Some(storing) = self.book() {
            // An error means that the runtime ends.
            let _ = storing.await;
        }
    }

    /// Counts the usage so far against the budget, and stores it in a task, which goes on when the caller is dropped.
    fn book(&mut self) -> Option<JoinHandle<()>> {
        let used = self.log.take(|| self.assistant.estimate(self.purpose, &self.input, &self.text));
        used.iter().for_each(|usage| self.budgets.count(self.payer, usage, now()));
        // Outside a runtime the store can't be written to.
        let runtime = Handle::try_current().ok().filter(|_| !used.is_empty())?;
        let (store, payer) = (self.store.clone(), self.payer);
        Some(runtime.spawn(async move {
            for usage in used {
                if let Err(error) = payer.book(&store, &usage, now()).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "what a call cost was not stored");
                }
            }
        }))
    }
}

impl Drop for UsageGuard {
    fn drop(&mut self) {
        drop(self.book());
    }
}
