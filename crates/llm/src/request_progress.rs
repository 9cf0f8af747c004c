//! Reports the progress of a request: written to its connection, accepted by the server, and answered or refused.

use futures_util::stream;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE};
use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// The progress of the requests of one call.
#[derive(Debug, Clone, Default)]
pub struct RequestProgress {
    /// Cancelled when the first request is handed to its connection.
    pub written: CancellationToken,
    /// Cancelled when the server begins to answer.
    pub accepted: CancellationToken,
    /// See [`Self::is_outstanding`].
    outstanding: Arc<AtomicBool>,
}

impl RequestProgress {
    /// Whether a request was written that the server has neither refused nor answered whole. If the call ends now, the
    /// server has worked on that request, and its tokens have to be paid for.
    #[must_use]
    pub fn is_outstanding(&self) -> bool {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Records that nothing is outstanding.
    pub fn finish(&self) {
        self.outstanding.store(false, Ordering::Relaxed);
    }

    fn mark_written(&self) {
        self.outstanding.store(true, Ordering::Relaxed);
        self.written.cancel();
    }
}

tokio::task_local! {
    /// The progress of the calls in this scope.
    static PROGRESS: RequestProgress;
}

/// Runs `call`, whose requests report to `progress`.
pub(super) async fn scope<T>(progress: RequestProgress, call: impl Future<Output = T>) -> T {
    PROGRESS.scope(progress, call).await
}

/// Marks that the server accepted the request.
pub(super) fn mark_accepted() {
    let _ = PROGRESS.try_with(|progress| progress.accepted.cancel());
}

/// Marks that the request failed before its answer began.
pub(super) fn mark_failed() {
    let _ = PROGRESS.try_with(RequestProgress::finish);
}

/// Adds a JSON body that marks when it is written.
pub(super) fn with_body(request: RequestBuilder, body: &serde_json::Value) -> RequestBuilder {
    let bytes = body.to_string().into_bytes();
    let request = request.header(CONTENT_TYPE, "application/json");
    let Ok(progress) = PROGRESS.try_with(Clone::clone) else { return request.body(bytes) };
    // Of the request before, if it was refused.
    progress.finish();
    let length = bytes.len();
    // The connection polls the body when it writes the request's head.
    let body = stream::once(async move {
        progress.mark_written();
        Ok::<_, Infallible>(bytes)
    });
    request.header(CONTENT_LENGTH, length).body(reqwest::Body::wrap_stream(body))
}
