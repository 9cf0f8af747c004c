//! The usage of the calls for one purpose, however they end.

use domain::turn::Usage;
use llm::RequestProgress;

/// What the calls for one purpose use: each call that ended, and the one that runs.
#[derive(Debug, Default)]
pub struct UsageLog {
    progress: RequestProgress,
    ended: Vec<Usage>,
}

impl UsageLog {
    /// A log of calls that report to `progress`.
    #[must_use]
    pub fn new(progress: RequestProgress) -> Self {
        Self { progress, ended: Vec::new() }
    }

    pub(super) fn progress(&self) -> &RequestProgress {
        &self.progress
    }

    /// Adds the usage of a call that ended.
    pub fn add(&mut self, usage: Usage) {
        self.ended.push(usage);
    }

    /// Adds what `estimate` returns for a call that was broken off after it was sent. Adds nothing for a call that was
    /// never sent, or that the server refused.
    pub fn close(&mut self, estimate: impl FnOnce() -> Option<Usage>) {
        if self.progress.is_outstanding() {
            self.progress.finish();
            self.ended.extend(estimate());
        }
    }

    /// Closes the log and takes everything that was used.
    #[must_use]
    pub fn take(&mut self, estimate: impl FnOnce() -> Option<Usage>) -> Vec<Usage> {
        self.close(estimate);
        std::mem::take(&mut self.ended)
    }
}
